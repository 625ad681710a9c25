//! The hooks that get the report of every call.

use std::fmt;
use std::iter::successors;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;

use crate::race::report::Report;

/// Hooks in the order in which they were added. The list only grows, so that a call reads it
/// without a lock.
#[derive(Default)]
pub(crate) struct Hooks {
    first: OnceLock<Box<Node>>,
}

struct Node {
    hook: Box<dyn Fn(&Report) + Send + Sync>,
    next: OnceLock<Box<Node>>,
}

impl Hooks {
    /// Adds a hook after all others.
    pub(crate) fn add(&self, hook: impl Fn(&Report) + Send + Sync + 'static) {
        let mut node = Box::new(Node { hook: Box::new(hook), next: OnceLock::new() });
        let mut end = &self.first;
        // The end moves if another thread adds a hook at the same time.
        while let Err(rejected) = end.set(node) {
            node = rejected;
            if let Some(taken) = end.get() {
                end = &taken.next;
            }
        }
    }

    /// Calls every hook. If some of them panic, the first panic continues after the last hook.
    pub(crate) fn call(&self, report: &Report) {
        let panics = self.nodes().filter_map(|node| {
            // A report is not changed by a hook, so it is whole after a panic.
            catch_unwind(AssertUnwindSafe(|| (node.hook)(report))).err()
        });
        match panics.reduce(|first, _| first) {
            // A second panic would abort the process.
            Some(panic) if !std::thread::panicking() => resume_unwind(panic),
            Some(_) | None => {}
        }
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        successors(self.first.get(), |node| node.next.get()).map(|node| &**node)
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hooks", self.nodes().count())
    }
}

/// A long list would use up the stack if each node dropped the next one.
impl Drop for Hooks {
    fn drop(&mut self) {
        let mut next = self.first.take();
        while let Some(mut node) = next {
            next = node.next.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::mutex::Mutex;
    use crate::race::ports::Ports;

    fn report() -> Report {
        Report::new("db.test".into(), Ports::from(1), Instant::now())
    }

    #[test]
    fn hooks_are_called_in_the_order_in_which_they_were_added() {
        let (hooks, calls) = (Hooks::default(), Arc::new(Mutex::from(Vec::new())));
        for number in 0..3 {
            let calls = calls.clone();
            hooks.add(move |report| calls.lock().push((number, report.host().to_owned())));
        }
        hooks.call(&report());
        let expected = [0, 1, 2].map(|number| (number, "db.test".to_owned()));
        assert_eq!(*calls.lock(), expected);
        assert_eq!(format!("{hooks:?}"), "3 hooks");
    }

    #[test]
    fn a_hook_that_panics_does_not_stop_the_next() {
        let (hooks, calls) = (Hooks::default(), Arc::new(Mutex::from(0)));
        for panics in [true, false, true, false] {
            let calls = calls.clone();
            hooks.add(move |_| {
                *calls.lock() += 1;
                let number = *calls.lock();
                assert!(!panics, "hook {number}");
            });
        }
        let panic = catch_unwind(AssertUnwindSafe(|| hooks.call(&report()))).unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "hook 1");
        assert_eq!(*calls.lock(), 4);
    }

    #[test]
    fn threads_may_add_hooks_at_the_same_time() {
        let (hooks, calls) = (Hooks::default(), Arc::new(Mutex::from(0)));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let calls = calls.clone();
                        hooks.add(move |_| *calls.lock() += 1);
                    }
                });
            }
        });
        hooks.call(&report());
        assert_eq!(*calls.lock(), 800);
    }
}
