//! Slots that move from one primary to another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ringback_store::{Bus as _, BusEvent, Partition, Partitions};

use crate::{connect, counter::Counter, node, reaches, support::Cluster};

#[tokio::test(flavor = "multi_thread")]
async fn slots_move_while_calls_go_on() {
    let cluster = Cluster::start();
    let store = connect(cluster.url()).await;
    let node = node("n");
    // Another gateway listens: no error tells it that a slot has moved.
    let ears = connect(cluster.url()).await;
    let mut heard = ears.subscribe(&node).await.unwrap();
    let moving: Vec<Partition> = Partitions::DEFAULT
        .all()
        .filter(|&partition| cluster.owner_of(&Counter::new(partition, &node).call) == 0)
        .take(4)
        .collect();
    let done = Arc::new(AtomicBool::new(false));
    let counters = moving.iter().map(|&partition| {
        let (store, node, done) = (store.clone(), node.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut counter = Counter::new(partition, &node);
            while !done.load(Ordering::Relaxed) {
                counter.count(&store).await;
            }
            counter
        })
    });
    let counters: Vec<_> = counters.collect();
    let listener = tokio::spawn(async move {
        let (mut entries, mut told) = (0_u64, false);
        loop {
            match tokio::time::timeout(Duration::from_secs(3), heard.recv()).await {
                Ok(Some(BusEvent::Entry { .. })) => entries += 1,
                Ok(Some(BusEvent::Missed(_) | BusEvent::Interrupted(_))) => told = true,
                Ok(Some(BusEvent::Direct(_) | BusEvent::Regressed(_))) => {}
                Ok(None) => panic!("the subscription ended"),
                Err(_) => return (entries, told, heard),
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let cluster = Arc::new(cluster);
    let mover = tokio::task::spawn_blocking({
        let (cluster, moving) = (Arc::clone(&cluster), moving.clone());
        move || {
            for partition in moving {
                cluster.move_partition(partition, 0, 1);
            }
        }
    });
    mover.await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    done.store(true, Ordering::Relaxed);
    let mut total = 0;
    for counter in counters {
        let counter = counter.await.unwrap();
        counter.check(&store).await;
        total += counter.version.count;
    }
    let (entries, told, mut heard) = listener.await.unwrap();
    assert!(entries == total || told && entries < total, "{entries} of {total} entries, told: {told}");
    println!("{entries} of {total} entries were delivered");
    for partition in moving {
        reaches(&store, partition, &node, &mut heard).await;
    }
}
