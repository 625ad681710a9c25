//! The race without tokio: threads, `std::net`, and a channel of events. There is no tokio in the
//! algorithm; tokio is compiled all the same.
//!
//! `cargo run --example threads` connects to its own service, which listens on IPv4 only;
//! `cargo run --example threads -- robur.coop 443` connects to a host, by the system's `getaddrinfo`.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use he::race::{Race, Step, Surroundings};
use he::{Answer, Config, LookupError, LookupErrorKind, Record, SourceAddrs};

/// An event that a thread reports.
enum Event {
    Resolved(usize, Result<Answer, LookupError>),
    Dialled(usize, io::Result<TcpStream>),
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (host, port, _service) = match &args[..] {
        [] => {
            let service = TcpListener::bind("127.0.0.1:0")?;
            ("localhost".to_owned(), service.local_addr()?.port(), Some(service))
        }
        [host, port] => (host.clone(), port.parse()?, None),
        _ => return Err("usage: threads [HOST PORT]".into()),
    };
    let surroundings = Surroundings::default().with_source_addrs(SourceAddrs::system());
    let race = Race::new(&host, [port], Config::new(), Instant::now())?;
    let race = race.with_surroundings(surroundings);
    let stream = run(race)?;
    println!("{} -> {}", stream.local_addr()?, stream.peer_addr()?);
    Ok(())
}

/// The whole driver: it carries out each step, and reports each event.
fn run(mut race: Race) -> Result<TcpStream, Box<dyn Error>> {
    let (events, heard) = channel();
    let mut connected = Vec::new();
    loop {
        match race.poll(Instant::now()) {
            Step::Resolve(id, record) => {
                let query = race.query(id).ok_or("a lookup has a query")?;
                let events = events.clone();
                thread::spawn(move || {
                    events.send(Event::Resolved(id, look_up(query.name(), record)))
                });
            }
            Step::Connect(id, addr) => dial(id, addr, events.clone()),
            // A blocking connection attempt cannot be stopped. Its thread ends by its own time-out,
            // and the race then ignores its event.
            Step::Cancel(_) => {}
            Step::Wait(until) => {
                let patience = until.saturating_duration_since(Instant::now());
                match heard.recv_timeout(patience) {
                    Ok(Event::Resolved(id, answer)) => {
                        race.resolved(id, answer, Instant::now());
                    }
                    Ok(Event::Dialled(id, Ok(stream))) => {
                        race.won(id, Instant::now());
                        connected.push((id, stream));
                    }
                    Ok(Event::Dialled(id, Err(error))) => {
                        race.failed(id, error, true, Instant::now());
                    }
                    Err(_nothing_happened) => {}
                }
            }
            Step::Won(id) => {
                println!("{}", race.report());
                let won = connected.into_iter().find(|(other, _)| *other == id);
                return Ok(won.ok_or("the winner has a stream")?.1);
            }
            Step::Fail(_) => {
                println!("{}", race.report());
                return Err(race.into_error().ok_or("a lost race has an error")?.into());
            }
            Step::Resolved | Step::Over => return Err("this race connects to its end".into()),
        }
    }
}

fn dial(id: usize, addr: SocketAddr, events: Sender<Event>) {
    thread::spawn(move || {
        let result = TcpStream::connect_timeout(&addr, Duration::from_secs(10));
        events.send(Event::Dialled(id, result))
    });
}

/// `getaddrinfo` gives both families at once. A better resolver asks for one record at a time.
fn look_up(name: &str, record: Record) -> Result<Answer, LookupError> {
    let found = (name, 0)
        .to_socket_addrs()
        .map_err(|error| LookupError::from(LookupErrorKind::Other).with_cause(error))?;
    Ok(Answer::from(found.filter(|a| record.holds(*a)).collect::<Vec<_>>()))
}
