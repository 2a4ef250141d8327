//! The demo page is embedded from where the web client's build puts it. The folder has to be there when this crate is
//! compiled; the page may come later.

fn main() {
    let dist = "../../clients/web/dist";
    println!("cargo::rerun-if-changed={dist}");
    if let Err(error) = std::fs::create_dir_all(dist) {
        println!("cargo::warning=no folder for the demo page: {error}");
    }
}
