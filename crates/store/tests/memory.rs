//! The embedded store keeps every promise.

use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use ringback_store::{Partitions, Store, conformance, memory::MemoryStore};

fn main() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Partitions::DEFAULT));
    let trials = conformance::all().into_iter().map(|(name, promise)| {
        let store = Arc::clone(&store);
        Trial::test(format!("memory::{name}"), move || {
            // A runtime for each: the trials run on threads of their own.
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(promise(store));
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}
