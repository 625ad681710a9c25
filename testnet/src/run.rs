//! Running a test on the test internet, from its namespace to its end.

use std::future::Future;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};

use crate::home::{self, Home};
use crate::isolate;
use crate::net::Net;
use crate::wire::Wire;
use crate::world::World;

/// The default limit for the time of a test, which is aborted then.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test on a dual-stack host. A `#[test]` calls it once.
///
/// # Panics
///
/// If the test fails; or if a requirement is missing and `HE_REQUIRE_NET` is set.
pub fn internet<F: Future<Output = ()>>(test: impl FnOnce(Net) -> F) {
    internet_at(Home::dual_stack(), test);
}

/// Runs a long test on a dual-stack host, with this limit in place of a minute.
///
/// # Panics
///
/// As [`internet`].
pub fn internet_for<F: Future<Output = ()>>(limit: Duration, test: impl FnOnce(Net) -> F) {
    begin(&Home::dual_stack(), limit, test);
}

/// Runs a test on another host.
///
/// # Panics
///
/// As [`internet`].
pub fn internet_at<F: Future<Output = ()>>(home: Home, test: impl FnOnce(Net) -> F) {
    begin(&home, LIMIT, test);
}

fn begin<F: Future<Output = ()>>(home: &Home, limit: Duration, test: impl FnOnce(Net) -> F) {
    match isolate::inside() {
        None => isolate::run_inside(home.programs()),
        Some(dir) => {
            thread::spawn(move || abort_after(limit));
            run(home, dir, test);
            isolate::report_end();
        }
    }
}

fn run<F: Future<Output = ()>>(home: &Home, dir: PathBuf, test: impl FnOnce(Net) -> F) {
    let wire: &Wire = Box::leak(Box::new(Wire::new(home.devices()).expect("a TUN device")));
    home.set_up().expect("addresses and routes");
    home::replace_etc(&dir, home.name_server()).expect("files for /etc");
    let world: &World = Box::leak(Box::new(World::new(dir, remote_hosts())));
    wire.start(world);
    world.control.start();
    world.remote.spawn(world.control.tick());
    let net = Net::new(world, home);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let log_if_it_fails = LogOnPanic(net);
    runtime.block_on(async {
        tokio::spawn(world.control.tick());
        test(net).await;
    });
    drop(log_if_it_fails);
}

fn abort_after(limit: Duration) {
    thread::sleep(limit);
    eprintln!("the test takes longer than {} s", limit.as_secs());
    std::process::abort();
}

/// Starts the runtime of the remote hosts on a thread of its own.
fn remote_hosts() -> Handle {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
}

/// Prints the log if the test fails.
struct LogOnPanic(Net);

impl Drop for LogOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("\nThe packets since the last call:\n{}", self.0.log());
        }
    }
}
