//! What calls carry: of a real size, and each with a tag of its own, by which a receiver knows it.

use std::{fmt::Write as _, sync::Arc};

use crate::protocol::request::{Candidate, Metadata};

/// The tag of an offer, and of its answer; candidates are numbered from 0.
pub(crate) const OFFER: u32 = 1_000_000;
/// See [`OFFER`].
pub(crate) const ANSWER: u32 = 1_000_001;

/// What `call:init` is made of besides its metadata, in JSON.
const INIT_REST: usize = 120;
/// What a candidate is made of besides its text, in JSON.
const CANDIDATE_REST: usize = 47;

/// A session description of that many bytes, or as few as it takes.
pub(crate) fn sdp(tag: u32, bytes: usize) -> Arc<str> {
    let mut text =
        format!("v=0\r\no=- {tag} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    let mut line = 96;
    while text.len() + 2 < bytes {
        let _ = write!(text, "a=fmtp:{line} minptime=10;useinbandfec=1;x-google-min-bitrate=32");
        line += 1;
        text.truncate(bytes - 2);
        text.push_str("\r\n");
    }
    text.into()
}

/// The tag of a description.
pub(crate) fn sdp_tag(sdp: &str) -> Option<u32> {
    sdp.split_once("o=- ")?.1.split_once(' ')?.0.parse().ok()
}

/// A candidate of about that many bytes.
pub(crate) fn candidate(tag: u32, bytes: usize) -> Candidate {
    let mut text = format!(
        "candidate:{tag} 1 udp 2122260223 192.0.2.7 {} typ host generation 0 ufrag ",
        40_000 + tag % 20_000
    );
    while text.len() + CANDIDATE_REST < bytes {
        text.push('x');
    }
    Candidate { candidate: text, sdp_mid: "0".to_owned(), sdp_m_line_index: 0 }
}

/// The tag of a candidate.
pub(crate) fn candidate_tag(candidate: &Candidate) -> Option<u32> {
    candidate.candidate.strip_prefix("candidate:")?.split_once(' ')?.0.parse().ok()
}

/// What makes a `call:init` about that large.
pub(crate) fn metadata(bytes: usize) -> Option<Metadata> {
    (bytes > INIT_REST).then(|| Metadata { note: "x".repeat(bytes - INIT_REST) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_their_size_and_their_tag() {
        for bytes in [300, 3_000, 32_768] {
            let sdp = sdp(OFFER, bytes);
            assert_eq!((sdp.len(), sdp_tag(&sdp)), (bytes, Some(OFFER)));
            assert!(sdp.ends_with("\r\n"));
        }
    }

    #[test]
    fn candidates_have_their_size_and_their_tag() {
        let candidate = candidate(7, 180);
        assert_eq!(candidate_tag(&candidate), Some(7));
        assert_eq!(serde_json::to_string(&candidate).unwrap().len(), 180);
    }
}
