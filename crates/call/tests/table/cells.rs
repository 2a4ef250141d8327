//! The table itself. Cells are words of the legend; `.` is `no_such_call` and `!` is `invalid_state`, naming the
//! state the call is in. A row without a sender is nobody's request.

const TABLE: &str = "
                        idle      crossing  ringing   awaited   caller-o  callee-o  stable    connected unanswered answered
call:init      caller   !         !         !         !         !         !         !         !         !          !
call:init      caller-2 !         !         !         !         !         !         !         !         !          !
call:init      callee   cross     !         merge     !         !         !         !         !         !          !
call:init      callee-2 cross     else      merge     !         !         !         !         !         !          !
call:init      stranger .         .         .         .         .         .         .         .         .          .

call:ringing   caller   !         !         !         !         !         !         !         !         !          !
call:ringing   caller-2 .         .         .         .         .         .         .         .         .          .
call:ringing   callee   .         !         alert     !         !         !         !         !         !          !
call:ringing   callee-2 .         else      alert     else      else      else      else      else      !          else
call:ringing   stranger .         .         .         .         .         .         .         .         .          .

call:accept    caller   !         !         !         !         !         !         !         !         !          !
call:accept    caller-2 .         .         .         .         .         .         .         .         .          .
call:accept    callee   .         !         accept    !         !         !         !         !         !          !
call:accept    callee-2 .         else      accept    else      else      else      else      else      !          else
call:accept    stranger .         .         .         .         .         .         .         .         .          .

call:reject    caller   !         !         !         !         !         !         !         !         !          !
call:reject    caller-2 .         .         .         .         .         .         .         .         .          .
call:reject    callee   .         !         reject    !         !         !         !         !         =cancelled =hangup
call:reject    callee-2 .         =else     reject    =else     =else     =else     =else     =else     =cancelled =else
call:reject    stranger .         .         .         .         .         .         .         .         .          .

call:end       caller   cancel    cancel-x  cancel-r  hangup    hangup    hangup    hangup    hangup    =cancelled =hangup
call:end       caller-2 .         .         .         .         .         .         .         .         .          .
call:end       callee   .         cancel-x  !         hangup    hangup    hangup    hangup    hangup    =cancelled =hangup
call:end       callee-2 .         =else     !         =else     =else     =else     =else     =else     =cancelled =else
call:end       stranger .         .         .         .         .         .         .         .         .          .

webrtc:offer   caller   !         !         !         offer-a   !         glare     offers    reoffers  !          !
webrtc:offer   caller-2 .         .         .         .         .         .         .         .         .          .
webrtc:offer   callee   .         !         !         !         glare     !         offers    reoffers  !          !
webrtc:offer   callee-2 .         else      !         else      else      else      else      else      !          else
webrtc:offer   stranger .         .         .         .         .         .         .         .         .          .

webrtc:answer  caller   !         !         !         !         !         answer-a  !         !         !          !
webrtc:answer  caller-2 .         .         .         .         .         .         .         .         .          .
webrtc:answer  callee   .         !         !         !         answer-b  !         !         !         !          !
webrtc:answer  callee-2 .         else      !         else      else      else      else      else      !          else
webrtc:answer  stranger .         .         .         .         .         .         .         .         .          .

webrtc:ice     caller   !         !         !         ok        forward   ok        forward   forward   !          !
webrtc:ice     caller-2 .         .         .         .         .         .         .         .         .          .
webrtc:ice     callee   .         !         !         ok        ok        forward   forward   forward   !          !
webrtc:ice     callee-2 .         else      !         else      else      else      else      else      !          else
webrtc:ice     stranger .         .         .         .         .         .         .         .         .          .

call:connected caller   !         !         !         ok        ok        ok        connect   ok        !          !
call:connected caller-2 .         .         .         .         .         .         .         .         .          .
call:connected callee   .         !         !         ok        ok        ok        ok        ok        !          !
call:connected callee-2 .         else      !         else      else      else      else      else      !          else
call:connected stranger .         .         .         .         .         .         .         .         .          .

call:report    caller   ok        ok        ok        ok        ok        ok        ok        ok        ok         ok
call:report    caller-2 .         .         .         .         .         .         .         .         .          .
call:report    callee   .         ok        !         ok        ok        ok        ok        ok        !          ok
call:report    callee-2 .         else      !         else      else      else      else      else      !          else
call:report    stranger .         .         .         .         .         .         .         .         .          .

dropped        caller   away      away      away      gone      gone      gone      gone      gone      -          -
dropped        caller-2 -         -         -         -         -         -         -         -         -          -
dropped        callee   -         away      -         gone      gone      gone      gone      gone      -          -
dropped        callee-2 -         -         -         -         -         -         -         -         -          -
dropped        stranger -         -         -         -         -         -         -         -         -          -

attached       caller   ok        ok        ok        ok        ok        ok        ok        ok        -          -
attached       caller-2 -         -         -         -         -         -         -         -         -          -
attached       callee   ok        ok        ok        ok        ok        ok        ok        ok        -          -
attached       callee-2 ok        ok        ok        -         -         -         -         -         -          -
attached       stranger -         -         -         -         -         -         -         -         -          -

denied         nobody   denied    denied-x  -         -         -         -         -         -         -          -
offline        nobody   offline   admit     -         -         -         -         -         -         -          -
allowed        nobody   ring      admit     -         -         -         -         -         -         -          -
engaged        nobody   busy      admit     -         -         -         -         -         -         -          -
deadline       nobody   place     place     no-answer timeout   timeout   timeout   timeout   ok        -          -
terminate      nobody   stop      stop-x    stop-r    stop-b    stop-b    stop-b    stop-b    stop-b    =cancelled =hangup
";

/// Cells by row, sender and column.
pub(crate) fn read() -> super::Cells {
    let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty());
    let columns: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let mut cells = super::Cells::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [row, sender, row_cells @ ..] = words.as_slice() else { panic!("no row: {line}") };
        assert_eq!(row_cells.len(), columns.len(), "{line}");
        for (column, cell) in columns.iter().zip(row_cells) {
            assert!(cells.insert((row, sender, column), cell).is_none(), "twice: {line}");
        }
    }
    cells
}
