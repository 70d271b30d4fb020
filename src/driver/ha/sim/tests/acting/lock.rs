//! The operation lock: one for all consoles, and gone with its holder.

use super::settings::claim;
use super::*;
use crate::driver::port::{Lock, LockError};

#[tokio::test(start_paused = true)]
async fn a_second_console_sees_who_holds_the_lock_and_is_refused() {
    let fixture = ActingFixture::new();
    let hand = || fixture.fixture.cluster.lock(Arc::clone(&fixture.clock));
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
    let mut fixture = ActingFixture::new();
    let mut first = fixture.fixture.cluster.lock(Arc::clone(&fixture.clock));
    let mut second = fixture.fixture.cluster.lock(Arc::clone(&fixture.clock));
    first.acquire(&claim("a")).await.unwrap();
    for _ in 0..10 {
        fixture.pass(5.0).await;
        first.renew().await.unwrap();
    }
    fixture.pass(14.0).await;
    assert_eq!(second.holder().await, Ok(Some(claim("a"))));
    fixture.pass(2.0).await;
    assert_eq!(second.holder().await, Ok(None));
    second.acquire(&claim("b")).await.unwrap();
    assert_eq!(first.renew().await, Err(LockError::Lost));
    first.release().await.unwrap();
    assert_eq!(second.holder().await, Ok(Some(claim("b"))), "a late release takes nothing away");
}

#[tokio::test(start_paused = true)]
async fn without_the_store_nobody_can_tell_and_the_lease_waits_for_it() {
    let mut fixture = ActingFixture::new();
    let mut lock = fixture.fixture.cluster.lock(Arc::clone(&fixture.clock));
    lock.acquire(&claim("a")).await.unwrap();
    fixture.inject(Fault::LoseDcsMajority);
    fixture.pass(20.0).await;
    assert!(matches!(lock.renew().await, Err(LockError::Unavailable(_))));
    assert!(matches!(lock.holder().await, Err(LockError::Unavailable(_))));
    fixture.inject(Fault::Heal(Repair::Dcs));
    fixture.pass(3.0).await;
    assert_eq!(lock.renew().await.map(|_| ()), Ok(()), "a new leader of the store starts every lease anew");
}
