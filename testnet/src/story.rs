//! A story: a test's own world, from its namespace to its end.

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

/// No story takes longer without a word.
const LIMIT: Duration = Duration::from_secs(60);

/// Tells a story on a dual-stack host. For a `#[test]` to call, once.
///
/// # Panics
///
/// If the story fails; or if there is no privilege for it and `HE_REQUIRE_NET` is set.
pub fn internet<F: Future<Output = ()>>(story: impl FnOnce(Net) -> F) {
    internet_at(Home::dual_stack(), story);
}

/// Tells a long story on a dual-stack host: it is given up after `limit`, others after a minute.
///
/// # Panics
///
/// As [`internet`].
pub fn internet_for<F: Future<Output = ()>>(limit: Duration, story: impl FnOnce(Net) -> F) {
    begin(&Home::dual_stack(), limit, story);
}

/// Tells a story on another host.
///
/// # Panics
///
/// As [`internet`].
pub fn internet_at<F: Future<Output = ()>>(home: Home, story: impl FnOnce(Net) -> F) {
    begin(&home, LIMIT, story);
}

fn begin<F: Future<Output = ()>>(home: &Home, limit: Duration, story: impl FnOnce(Net) -> F) {
    match isolate::inside() {
        None => isolate::tell_inside(home.programs()),
        Some(dir) => {
            thread::spawn(move || give_up_after(limit));
            tell(home, dir, story);
            isolate::told();
        }
    }
}

fn tell<F: Future<Output = ()>>(home: &Home, dir: PathBuf, story: impl FnOnce(Net) -> F) {
    let wire: &Wire = Box::leak(Box::new(Wire::new(home.devices()).expect("a TUN device")));
    home.set_up().expect("addresses and routes");
    home::replace_etc(&dir, home.name_server()).expect("files for /etc");
    let world: &World = Box::leak(Box::new(World::new(dir, remote_hosts())));
    wire.start(world);
    world.control.start();
    world.remote.spawn(world.control.tick());
    let net = Net::new(world, home);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let told_if_it_fails = Testimony(net);
    runtime.block_on(async {
        tokio::spawn(world.control.tick());
        story(net).await;
    });
    drop(told_if_it_fails);
}

fn give_up_after(limit: Duration) {
    thread::sleep(limit);
    eprintln!("the story takes longer than {} s", limit.as_secs());
    std::process::abort();
}

/// The runtime of the remote hosts has a thread of its own.
fn remote_hosts() -> Handle {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
}

/// What happened, for whoever has to find out why a story failed.
struct Testimony(Net);

impl Drop for Testimony {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("\nWhat the wire saw (since the last call):\n{}", self.0.log());
        }
    }
}
