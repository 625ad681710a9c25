//! Every name that others find: a table of ugly name servers, with the answers that `he` and
//! `getaddrinfo` get there. Each row runs in a namespace of its own, with the servers on loopback.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use he::Connector;
use he_testnet::{has_namespaces, is_out, only_loopback, outing};
use nix::time::{ClockId, clock_gettime};

use self::conditions::{Row, rows};

mod conditions;
mod message;
mod server;

/// The number of rows that run at the same time. They mostly wait.
const AT_ONCE: usize = 12;
/// The system's own time-outs add up to more than a test should take.
const SYSTEM: Duration = Duration::from_secs(8);

#[test]
fn he_finds_what_others_find() {
    if is_out() {
        let row: usize =
            std::env::args().find_map(|arg| arg.strip_prefix("row-")?.parse().ok()).unwrap();
        return play(rows()[row]);
    }
    if !has_namespaces() {
        return;
    }
    let count = rows().len();
    let (next, told) = (AtomicUsize::new(0), Mutex::new(vec![String::new(); count]));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|row| *row < count)
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

/// Prints the table, and fails where `he` does not find what is right.
fn judge(told: &[String]) {
    let mut wrong = Vec::new();
    for (row, said) in rows().into_iter().zip(told) {
        let line =
            said.lines().find_map(|line| line.split_once("told: ")).map_or("nothing", |it| it.1);
        let cpu =
            line.split_once(" ms of CPU").and_then(|it| it.0.rsplit(' ').next()?.parse().ok());
        let is_right = line.starts_with(&format!("he {} ", texts(row.right)))
            && cpu.is_some_and(|ms: u64| ms <= row.max_cpu_ms);
        println!("{:5} {:78} {line}", if is_right { "right" } else { "wrong" }, row.words);
        if !is_right {
            wrong.push(format!("{}: {line}", row.words));
        }
    }
    assert!(wrong.is_empty(), "wrong:\n{}", wrong.join("\n"));
}

/// The addresses by their last numbers, with `-` for none.
fn texts(found: &[u8]) -> String {
    let text = |last: &u8| if *last == 0 { "-".to_owned() } else { last.to_string() };
    found.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn play(row: &Row) {
    set_up(row);
    let port = listen(row.refuses);
    server::start(row.behaviour, row.tcp);

    let (began, cpu) = (Instant::now(), cpu_time());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connector = Connector::default();
    let he = look_up(row, |name| {
        let stream = runtime.block_on(connector.connect(name, port)).ok()?;
        stream.peer_addr().ok()
    });
    let (time, cpu) = (began.elapsed().as_millis(), (cpu_time() - cpu).as_millis());
    println!("told: he {he} in {time} ms, {cpu} ms of CPU; {}", system(row, port));
}

/// The namespace, and the files in its `/etc`.
fn set_up(row: &Row) {
    only_loopback([127, 0, 1, 1].into());
    for ip in ["fd78::53", "fd78::3"] {
        let args = ["addr", "add", &format!("{ip}/128"), "dev", "lo", "nodad"];
        assert!(Command::new("ip").args(args).status().unwrap().success());
    }
    fs::write("/etc/resolv.conf", format!("{}{}", row.servers, row.resolv_conf)).unwrap();
    let others = (0..row.blocked).map(|nth| format!("0.0.0.0 ads{nth}.example\n"));
    let others: String = others.collect();
    fs::write("/etc/hosts", format!("127.0.0.1 localhost\n{others}{}", row.hosts)).unwrap();
}

/// Listens on the hosts 127.0.0.1 to 127.0.0.4 and fd78::3, at the same port.
fn listen(refuses: Option<(u8, u64)>) -> u16 {
    let first = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = first.local_addr().unwrap().port();
    let ips: [IpAddr; 4] =
        ["127.0.0.2", "127.0.0.3", "127.0.0.4", "fd78::3"].map(|ip| ip.parse().unwrap());
    let mut hosts = vec![first];
    hosts.extend(ips.map(|ip| TcpListener::bind((ip, port)).unwrap()));
    thread::spawn(move || {
        if let Some((last, after)) = refuses {
            thread::sleep(Duration::from_millis(after));
            hosts.remove(usize::from(last) - 1);
        }
        loop {
            thread::park();
        }
    });
    port
}

/// The CPU time of this thread.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
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
            found.push((*name, port).to_socket_addrs().ok().and_then(|mut addrs| addrs.next()));
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

/// The last number of an address; 0 for none.
fn last(addr: Option<SocketAddr>) -> u8 {
    match addr.map(|addr| addr.ip()) {
        Some(IpAddr::V4(ip)) => ip.octets()[3],
        Some(IpAddr::V6(ip)) => ip.octets()[15],
        None => 0,
    }
}
