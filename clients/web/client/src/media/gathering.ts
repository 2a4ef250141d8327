/** Calls `none`, with what the last server had to say, when the browser has looked for candidates and found not a single one. */
export function watchGathering(pc: RTCPeerConnection, signal: AbortSignal, none: (complaint: string | undefined) => void): void {
  let found = false;
  let complaint: string | undefined;
  const seen = ({ candidate }: RTCPeerConnectionIceEvent) => {
    if (candidate === null) {
      if (!found) none(complaint);
    } else if (candidate.candidate !== "") {
      found = true;
    }
  };
  const failed = ({ url, errorCode, errorText }: RTCPeerConnectionIceErrorEvent) => {
    complaint = `${url}: ${errorCode} ${errorText}`.trim();
  };
  pc.addEventListener("icecandidate", seen, { signal });
  pc.addEventListener("icecandidateerror", failed, { signal });
}
