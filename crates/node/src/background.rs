//! Work that nobody waits for: goodbyes, repairs, renewals. It takes turns, so that it does not hold up what somebody
//! waits for, even when ten thousand sockets drop together; what must not be forgotten is tried again for a while; and
//! all of it ends with the node.
//!
//! What waits is bounded too: while the store is away, each client that comes and goes leaves a goodbye behind. Of more
//! than there is room for the newest is left undone, as what is given up after ten minutes is: deadlines and times to
//! live see to it.

use std::{future::Future, sync::Arc, time::Duration};

use ringback_store::StoreError;
use ringback_telemetry::Metrics;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Attempts under way at once.
const PLACES: usize = 64;
/// Pieces of work for each connection there may be, and at least: at the end of all connections each leaves one.
const EACH: usize = 2;
const LEAST: usize = 1_000;
/// The first pause after an attempt that failed, and the longest.
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(2);
/// What has not worked for so long is left to the sweeper and to times to live.
const ENOUGH: Duration = Duration::from_secs(600);

/// Runs it.
pub struct Background {
    tasks: TaskTracker,
    stop: CancellationToken,
    places: Semaphore,
    size: usize,
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Background {
    /// On these tasks, until this stops; with room for what so many connections leave behind.
    pub(crate) fn new(
        tasks: TaskTracker,
        stop: CancellationToken,
        connections: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        let size = connections.saturating_mul(EACH).clamp(LEAST, Semaphore::MAX_PERMITS);
        let (places, room) = (Semaphore::new(PLACES), Arc::new(Semaphore::new(size)));
        Self { tasks, stop, places, size, room, metrics }
    }

    /// Begins something, if there is room. It should do its work in [`once`](Self::once) or [`insist`](Self::insist).
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            self.metrics.background_refused.inc(());
            return;
        };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let _ = stop.run_until_cancelled(work).await;
            drop(room);
        });
    }

    /// How much there is, begun and not done.
    pub(crate) fn len(&self) -> usize {
        self.size - self.room.available_permits().min(self.size)
    }

    /// One attempt, when it is its turn.
    pub(crate) async fn once<T>(&self, attempt: impl Future<Output = T>) -> T {
        // The places are never closed.
        let _place = self.places.acquire().await;
        attempt.await
    }

    /// As many attempts as it takes, unless it fails for good. Between two of them others have their turn.
    ///
    /// # Errors
    /// That last failure.
    pub(crate) async fn insist<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let end = Instant::now() + ENOUGH;
        let mut pause = SHORT;
        loop {
            match self.once(attempt()).await {
                Err(error) if error.is_transient() && Instant::now() < end => {
                    sleep(pause.mul_f32(0.5 + 0.5 * fastrand::f32())).await;
                    pause = LONG.min(pause * 2);
                }
                outcome => return outcome,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    fn background() -> Arc<Background> {
        let metrics = Arc::new(Metrics::new().unwrap());
        Arc::new(Background::new(TaskTracker::new(), CancellationToken::new(), 0, metrics))
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
        let (background, tries) = (background(), AtomicUsize::new(0));
        let passes = background.insist(|| async {
            if tries.fetch_add(1, Ordering::Relaxed) < 5 {
                Err(StoreError::unavailable("away"))
            } else {
                Ok(7)
            }
        });
        assert_eq!(passes.await.unwrap(), 7);
        let fails: Result<(), _> =
            background.insist(|| async { Err(StoreError::corrupt("a record", "torn")) }).await;
        assert!(!fails.unwrap_err().is_transient());
        let never: Result<(), _> = background.insist(|| async { Err(StoreError::unavailable("away")) }).await;
        assert!(never.unwrap_err().is_transient(), "given up after a while");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_are_at_it_and_who_waits_holds_no_place() {
        let background = background();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for n in 0..1_000_usize {
            let (us, now, most) = (Arc::clone(&background), Arc::clone(&now), Arc::clone(&most));
            background.spawn(async move {
                let mut first = true;
                let _ = us
                    .insist(|| {
                        let fails = std::mem::take(&mut first) && n < 500;
                        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                        async move {
                            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                            sleep(Duration::from_millis(5)).await;
                            now.fetch_sub(1, Ordering::Relaxed);
                            if fails { Err(StoreError::unavailable("away")) } else { Ok(()) }
                        }
                    })
                    .await;
            });
        }
        background.tasks.close();
        background.tasks.wait().await;
        assert_eq!(most.load(Ordering::Relaxed), PLACES);
    }
    #[tokio::test(start_paused = true)]
    async fn what_there_is_no_room_for_is_left_undone_and_counted() {
        let (background, done) = (background(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..LEAST + 7 {
            let done = Arc::clone(&done);
            background.spawn(async move {
                sleep(Duration::from_secs(1)).await;
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        let told = String::from_utf8(background.metrics.encode().unwrap()).unwrap();
        assert!(told.contains("ringback_background_refused_total 7\n"), "{told}");
        assert_eq!(background.len(), LEAST);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(done.load(Ordering::Relaxed), LEAST);
        background.spawn(async move {});
        background.tasks.close();
        background.tasks.wait().await;
        let told = String::from_utf8(background.metrics.encode().unwrap()).unwrap();
        assert!(told.contains("ringback_background_refused_total 7\n"), "there is room again: {told}");
        assert_eq!(background.len(), 0);
    }
}
