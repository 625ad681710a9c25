//! The loop of a race whose addresses somebody else connects to.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use super::{Dialling, InFlight, Parts, Story, poll_timer};
use crate::connect::clock::now;
use crate::race::error::Error;
use crate::race::report::ErrorKind;
use crate::race::{Race, Step};

/// Drives a race to where it would dial, and gives the addresses that it has by then.
pub(crate) async fn settle(
    (resolver, socket, on_report): Parts<'_>,
    race: Box<Race>,
) -> Result<Vec<SocketAddr>, Error> {
    let mut story = Story { race, on_report };
    let mut timer = pin!(None);
    let mut flight = InFlight::<()>::new(Dialling::TcpOnly);
    loop {
        let race = &mut story.race;
        match race.poll(now()) {
            Step::Resolve(record) => flight.look_up(record, resolver, socket, race),
            Step::Wait(until) => {
                let mut until = Some(until);
                poll_fn(|cx| match flight.poll_lookups(race, cx) {
                    Some(happened) => Poll::Ready(happened),
                    None => poll_timer(timer.as_mut(), until.take(), cx),
                })
                .await;
            }
            Step::Connect(..) => {
                let addrs = race.settle(now());
                story.end();
                flight.drain_lookups();
                return Ok(addrs);
            }
            Step::Fail(kind) => return Err(Error::new(kind, story.end())),
            // Said of attempts, of which there are none.
            Step::Cancel(_) | Step::Won(_) => {
                return Err(Error::new(ErrorKind::Connect, story.end()));
            }
        }
    }
}
