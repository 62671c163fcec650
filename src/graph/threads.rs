//! The threads that draw: the caller's, and others that join it.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How often the caller's thread looks whether those that joined it are ready before it sleeps until they are: some
/// 100 us.
const PATIENCE: u32 = 1 << 12;

/// A graph's own threads, which start when they are first needed; `None` if that cannot be done.
pub(crate) type Pool = OnceLock<Option<ThreadPool>>;

/// How many threads draw, and where they are.
#[derive(Clone, Copy)]
pub(crate) struct Threads<'a> {
    /// The caller's included; 0 for as many as the pool has that the caller runs in.
    pub(crate) count: usize,
    /// Where those beside the caller's are, unless they are in the pool that the caller runs in.
    pub(crate) pool: &'a Pool,
}

impl Threads<'_> {
    /// How many threads there are beside the caller's, at most so many. Not to be asked before there is work for them:
    /// rayon starts its threads then, 0.3 to 0.5 ms of a small replay.
    pub(crate) fn others(self, most: u64) -> usize {
        let count = if self.count == 0 { rayon::current_num_threads() } else { self.count };
        (count - 1).min(usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// Does what is to be done with each unit, in any order, on this thread and on so many others as have time.
    ///
    /// This thread does not wait for others to wake up, as it would for a parallel iterator outside the pool: in a
    /// virtual machine that takes as long as filling 100,000 pixels.
    pub(crate) fn share<T: Send>(self, others: usize, units: Vec<T>, work: impl Fn(T) + Sync) {
        let others = others.min(units.len().saturating_sub(1));
        if others == 0 {
            return units.into_iter().for_each(work);
        }
        let left = Mutex::new(units.into_iter());
        let left = || left.lock().unwrap_or_else(PoisonError::into_inner);
        let joined = AtomicUsize::new(0);
        // From either end: what is above on the screen stays in this thread's cache from frame to frame, what is below
        // in the others'.
        let run = || {
            while let Some(unit) = { left().next() } {
                work(unit)
            }
            wait(&joined);
        };
        let help = || {
            joined.fetch_add(1, Ordering::Relaxed);
            while let Some(unit) = { left().next_back() } {
                work(unit)
            }
            joined.fetch_sub(1, Ordering::Release);
        };
        self.scope(|scope| with_others(scope, others, &help, run));
    }

    /// Does something on this thread and something else on another, or after it.
    pub(crate) fn beside(self, here: impl FnOnce(), there: impl FnOnce() + Send) {
        if self.others(1) == 0 {
            here();
            return there();
        }
        let joined = AtomicUsize::new(0);
        let help = || {
            joined.fetch_add(1, Ordering::Relaxed);
            there();
            joined.fetch_sub(1, Ordering::Release);
        };
        self.scope(|scope| {
            scope.spawn(|_| help());
            here();
            wait(&joined);
        });
    }

    fn scope<'s>(self, body: impl FnOnce(&rayon::Scope<'s>)) {
        let start = || ThreadPoolBuilder::new().num_threads(self.count - 1).build().ok();
        let own = if self.count > 1 { self.pool.get_or_init(start).as_ref() } else { None };
        match own {
            Some(pool) => pool.in_place_scope(body),
            None => rayon::in_place_scope(body),
        }
    }
}

/// Waits for those that joined this thread. They are about to end, and to be woken then would take longer; who did not
/// join may be waiting for this thread's processor.
fn wait(joined: &AtomicUsize) {
    let mut looks = 0;
    while joined.load(Ordering::Acquire) > 0 && looks < PATIENCE {
        std::hint::spin_loop();
        looks += 1;
    }
}

/// Runs `run` on this thread, and `help` on so many others as soon as they have time.
fn with_others<'s>(
    scope: &rayon::Scope<'s>,
    others: usize,
    help: &'s (impl Fn() + Sync),
    run: impl FnOnce(),
) {
    (0..others).for_each(|_| scope.spawn(|_| help()));
    run();
}
