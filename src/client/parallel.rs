//! Work on files by several threads: the processor and the disk are what is waited for, and no task is to wait with them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

/// What `work` makes of each of `items`, in their order. Every thread takes the heaviest that is left by `weight` of its place, and has a
/// scratch of its own.
pub fn map<Item: Send, Scratch, Done: Send>(
    items: Vec<Item>,
    weight: impl Fn(usize) -> u64,
    threads: NonZeroUsize,
    scratch: impl Fn() -> Scratch + Sync,
    work: impl Fn(Item, &mut Scratch) -> Done + Sync,
) -> Vec<Done> {
    let workers = threads.get().min(items.len());
    let mut queue: Vec<(usize, Item)> = items.into_iter().enumerate().collect();
    queue.sort_by_key(|(index, _)| weight(*index));
    let (queue, done) = (Mutex::new(queue), Mutex::new(BTreeMap::new()));
    let run = || {
        let mut scratch = scratch();
        loop {
            // Taken in a statement of its own: the lock must not be held while an item is worked on.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((index, item)) = next else { return };
            let made = work(item, &mut scratch);
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(index, made);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(run);
        }
        run();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn items_are_worked_on_at_once_and_come_back_in_their_order() {
        // Neither of the two passes it alone: with a lock held meanwhile this would never end.
        let together = Barrier::new(2);
        let two = NonZeroUsize::MIN.saturating_add(1);
        let made = map(
            vec![10, 20],
            |_| 0,
            two,
            || (),
            |item, ()| {
                together.wait();
                item + 1
            },
        );
        assert_eq!(made, [11, 21]);
    }
}
