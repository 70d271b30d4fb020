//! The operation lock: one for all consoles, and gone with its holder.

use super::settings::claim;
use super::*;
use crate::driver::port::{Lock, LockError};

#[tokio::test(start_paused = true)]
async fn a_second_console_sees_who_holds_the_lock_and_is_refused() {
    let stage = Stage::new();
    let hand = || stage.bench.cluster.lock(Arc::clone(&stage.clock));
    let (mut first, mut second) = (hand(), hand());
    assert_eq!(second.holder().await, Ok(None));
    first.acquire(&claim("a")).await.unwrap();
    assert_eq!(second.holder().await, Ok(Some(claim("a"))));
    assert_eq!(second.acquire(&claim("b")).await, Err(LockError::Taken { claim: Box::new(claim("a")), left: None }));
    assert_eq!(second.renew().await, Err(LockError::Lost), "what one never held");
    second.release().await.unwrap();
    assert_eq!(first.renew().await.map(|_| ()), Ok(()), "another's release takes nothing away");
    first.release().await.unwrap();
    assert_eq!(second.holder().await, Ok(None));
    second.acquire(&claim("b")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_lock_lives_as_long_as_it_is_renewed_and_expires_with_its_holder() {
    let mut stage = Stage::new();
    let mut first = stage.bench.cluster.lock(Arc::clone(&stage.clock));
    let mut second = stage.bench.cluster.lock(Arc::clone(&stage.clock));
    first.acquire(&claim("a")).await.unwrap();
    for _ in 0..10 {
        stage.pass(5.0).await;
        first.renew().await.unwrap();
    }
    stage.pass(14.0).await;
    assert_eq!(second.holder().await, Ok(Some(claim("a"))));
    stage.pass(2.0).await;
    assert_eq!(second.holder().await, Ok(None));
    second.acquire(&claim("b")).await.unwrap();
    assert_eq!(first.renew().await, Err(LockError::Lost));
    first.release().await.unwrap();
    assert_eq!(second.holder().await, Ok(Some(claim("b"))), "a late release takes nothing away");
}

#[tokio::test(start_paused = true)]
async fn without_the_store_nobody_can_tell_and_the_lease_waits_for_it() {
    let mut stage = Stage::new();
    let mut lock = stage.bench.cluster.lock(Arc::clone(&stage.clock));
    lock.acquire(&claim("a")).await.unwrap();
    stage.strike(Fault::LoseDcsMajority);
    stage.pass(20.0).await;
    assert!(matches!(lock.renew().await, Err(LockError::Unavailable(_))));
    assert!(matches!(lock.holder().await, Err(LockError::Unavailable(_))));
    stage.strike(Fault::Heal(Cure::Dcs));
    stage.pass(3.0).await;
    assert_eq!(lock.renew().await.map(|_| ()), Ok(()), "a new leader of the store starts every lease anew");
}
