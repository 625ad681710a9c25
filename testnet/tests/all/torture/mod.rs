//! Every name that others find: a table of ugly name servers, with the answers that `he` and
//! `getaddrinfo` get there. Each row runs in a namespace of its own, with the servers on loopback.

use std::fs;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use he::Connector;
use he_testnet::{has_namespaces, is_out, only_loopback, outing};

use self::conditions::{ROWS, Row, State};

mod conditions;
mod message;
mod server;

/// The number of rows that run at the same time. They mostly wait.
const AT_ONCE: usize = 8;
/// The system's own time-outs add up to more than a test should take.
const SYSTEM: Duration = Duration::from_secs(8);

#[test]
fn he_finds_what_others_find() {
    if is_out() {
        let row: usize =
            std::env::args().find_map(|arg| arg.strip_prefix("row-")?.parse().ok()).unwrap();
        return play(&ROWS[row]);
    }
    if !has_namespaces() {
        return;
    }
    let (next, told) = (AtomicUsize::new(0), Mutex::new(vec![String::new(); ROWS.len()]));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|row| *row < ROWS.len())
                {
                    let name = "torture::he_finds_what_others_find";
                    let said = outing(&[name, &format!("row-{row}"), "--exact", "--nocapture"]);
                    told.lock().unwrap()[row] = said.unwrap_or_else(|why| format!("told: {why}"));
                }
            });
        }
    });
    judge(&told.into_inner().unwrap());
}

/// Prints the table, and fails where a row is not as it says.
fn judge(told: &[String]) {
    let mut wrong = Vec::new();
    for (row, said) in ROWS.iter().zip(told) {
        let line =
            said.lines().find_map(|line| line.split_once("told: ")).map_or("nothing", |it| it.1);
        let is_right = line.starts_with(&format!("he {}", texts(row.right)));
        println!("{:7} {:75} {line}", if is_right { "right" } else { "not yet" }, row.words);
        let is_as_told = match row.state {
            State::Right => is_right,
            State::NotYet => !is_right,
            State::Chance => true,
        };
        if !is_as_told {
            wrong.push(format!("{}: {line}", row.words));
        }
    }
    assert!(wrong.is_empty(), "not as the table says:\n{}", wrong.join("\n"));
}

/// The addresses by their last numbers, with `-` for none.
fn texts(found: &[u8]) -> String {
    let text = |last: &u8| if *last == 0 { "-".to_owned() } else { last.to_string() };
    found.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn play(row: &Row) {
    only_loopback([127, 0, 1, 1].into());
    let (servers, more) = match row.resolv_conf.strip_prefix("one") {
        Some(more) => ("nameserver 127.0.1.1\n", more),
        None => ("nameserver 127.0.1.1\nnameserver 127.0.1.2\n", row.resolv_conf),
    };
    fs::write("/etc/resolv.conf", format!("{servers}{more}")).unwrap();
    fs::write("/etc/hosts", format!("127.0.0.1 localhost\n{}", row.hosts)).unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    server::start(row.behaviour);

    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connector = Connector::default();
    let he = look_up(row, |name| {
        let stream = runtime.block_on(connector.connect(name, port)).ok()?;
        stream.peer_addr().ok()
    });
    let he = format!("he {he} in {} ms", began.elapsed().as_millis());
    println!("told: {he}; {}", system(row, port));
}

/// The system's answers from the same servers.
fn system(row: &Row, port: u16) -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    let began = Instant::now();
    let row_names = row.names;
    thread::spawn(move || {
        let mut found = Vec::new();
        for (pause, name) in row_names {
            thread::sleep(Duration::from_millis(*pause));
            found.push(
                (*name, port)
                    .to_socket_addrs()
                    .ok()
                    .and_then(|mut addrs| addrs.find(SocketAddr::is_ipv4)),
            );
        }
        let _ = sender.send(found);
    });
    match receiver.recv_timeout(SYSTEM) {
        Ok(found) => {
            let last: Vec<u8> = found.iter().map(|addr| last(*addr)).collect();
            format!("getaddrinfo {} in {} ms", texts(&last), began.elapsed().as_millis())
        }
        Err(_) => format!("getaddrinfo has not ended after {} s", SYSTEM.as_secs()),
    }
}

fn look_up(row: &Row, mut find: impl FnMut(&str) -> Option<SocketAddr>) -> String {
    let mut found = Vec::new();
    for (pause, name) in row.names {
        thread::sleep(Duration::from_millis(*pause));
        found.push(last(find(name)));
    }
    texts(&found)
}

/// The last number of an IPv4 address; 0 for none.
fn last(addr: Option<SocketAddr>) -> u8 {
    match addr.map(|addr| addr.ip()) {
        Some(std::net::IpAddr::V4(ip)) => ip.octets()[3],
        _ => 0,
    }
}
