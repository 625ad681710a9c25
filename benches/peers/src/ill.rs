//! *ill*: the time until there is a connection, and the number of attempts, with a fault in the
//! network.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use he_testnet::{Net, internet_for};
use tokio::net::TcpStream;

use crate::cells::{self, Cell, LIMIT, Run, measure, measure_all};
use crate::goals::Goals;
use crate::machine;
use crate::peers::{Dialer, Peer, Place, nodelay};
use crate::requests;
use crate::table::Table;
use crate::worlds::{WORLDS, Web, World};

/// A peer counts as slower from so many milliseconds on: tokio's timers count in milliseconds.
const NOISE_MS: f64 = 5.0;
const CONNECT_DELAY_MS: f64 = 250.0;
/// How much later than the delays alone a connection may be.
const SLACK_MS: f64 = 20.0;

/// The tables of this part.
///
/// # Errors
///
/// What is missing, or what went wrong in a world.
pub(crate) fn tables() -> Result<String, String> {
    let worlds: Vec<&World> = WORLDS.iter().filter(|world| !world.tls).collect();
    let rows = matrix("ill", &worlds, &Peer::ALL)?;
    let mut table = Table::new(head("time to connect, attempts", &Peer::ALL));
    for (world, row) in worlds.iter().zip(&rows) {
        table.row(line(world, row));
    }
    for note in [
        format!("{} {}. {}.", method(), machine::line(), machine::versions()),
        "Column reference: one `TcpStream::connect` to the good address, without DNS. reqwest \
         returns responses and not connections, so its time ends at the SYN-ACK. Before it tries \
         the other family, reqwest waits 300 ms, and so does hyper-util by default."
            .to_owned(),
        "`happyeyeballs` connects to the last address of each family, which is the good one in \
         some rows. `tokio-happy-eyeballs` connects to the first address of each family, and tries \
         the others after both have failed. Only the column he tries DNS over TLS, so a silent \
         port 853 has no effect on the other columns."
            .to_owned(),
    ] {
        table.note(note);
    }
    note_failures(&mut table, &worlds, &rows, &Peer::ALL);
    Ok(format!("{table}\n{}", goals(&worlds, &rows).table()))
}

/// How the numbers were measured.
pub(crate) fn method() -> String {
    let (runs, long) = (cells::RUNS, cells::LONG.as_secs());
    let patience = cells::PATIENCE.as_secs();
    format!(
        "Each time is the median of {runs} calls, or that of one call if it takes more than {long} \
         s. The number after it counts the attempts. Each call is the first one in a network \
         namespace of its own, where the remote hosts are 20 ms away. A call that takes {patience} \
         s is ended (`>`)."
    )
}

/// A head with a column for each of these peers.
pub(crate) fn head(what: &str, peers: &[Peer]) -> Vec<String> {
    let labels = peers.iter().map(|peer| peer.label().to_owned());
    std::iter::once(what.to_owned()).chain(labels).collect()
}

/// A row of a table.
pub(crate) fn line(world: &World, cells: &[Cell]) -> Vec<String> {
    std::iter::once(world.label.to_owned()).chain(cells.iter().map(Cell::text)).collect()
}

/// Says why calls have failed: a line for each world and cause.
pub(crate) fn note_failures(
    table: &mut Table,
    worlds: &[&World],
    rows: &[Vec<Cell>],
    peers: &[Peer],
) {
    for (world, row) in worlds.iter().zip(rows) {
        let mut by_cause = BTreeMap::<&str, Vec<&str>>::new();
        for (peer, cell) in peers.iter().zip(row) {
            if let Some(why) = cell.failure() {
                by_cause.entry(why).or_default().push(peer.label());
            }
        }
        for (why, who) in by_cause {
            table.note(format!(
                "In the row \"{}\" these fail with \"{why}\": {}.",
                world.label,
                who.join("; ")
            ));
        }
    }
}

/// A row of cells for each world.
///
/// # Errors
///
/// As [`measure_all`].
pub(crate) fn matrix(
    part: &str,
    worlds: &[&World],
    peers: &[Peer],
) -> Result<Vec<Vec<Cell>>, String> {
    let args = |world: &&World, peer: &Peer| vec![part.into(), world.key.into(), peer.key()];
    let args: Vec<Vec<String>> =
        worlds.iter().flat_map(|world| peers.iter().map(move |peer| args(world, peer))).collect();
    Ok(measure_all(&args)?.chunks(peers.len()).map(<[Cell]>::to_vec).collect())
}

/// One cell, in the inner process.
pub(crate) fn cell(world: &str, peer: &str) {
    let (world, peer) = (World::of(world), Peer::of(peer));
    internet_for(LIMIT, |net| async move {
        let right = SocketAddr::new(world.make(net, &Web::Http).ip(), 443);
        run(net, peer, right).await.tell()
    });
}

async fn run(net: Net, peer: Peer, right: SocketAddr) -> Run {
    match peer {
        Peer::Reference => {
            let connect = async { nodelay(TcpStream::connect(right).await) };
            measure(net, connect, |_| None).await
        }
        Peer::Reqwest | Peer::ReqwestHickory => {
            let client = requests::reqwest(peer, None);
            let response = client.get("http://www.test:443/").send();
            let shaken = |net: Net| net.log().handshakes().first().map(|syn_ack| syn_ack.at);
            measure(net, response, shaken).await
        }
        _ => {
            let (dialer, to) = (Dialer::new(peer), Place::new("www.test", 443));
            measure(net, dialer.connect(&to), |_| None).await
        }
    }
}

fn goals(worlds: &[&World], rows: &[Vec<Cell>]) -> Goals {
    let mut goals = Goals::default();
    let ms = |row: &[Cell], peer: Peer| {
        let index = Peer::ALL.iter().position(|it| *it == peer);
        index.and_then(|index| row[index].ms()).unwrap_or(f64::INFINITY)
    };
    let beyond = worlds.iter().zip(rows).filter_map(|(world, row)| {
        let delays = f64::from(world.silent_before?) * CONNECT_DELAY_MS;
        Some(ms(row, Peer::He) - ms(row, Peer::Reference) - delays)
    });
    // Where a call has failed, the difference is no number.
    let most = beyond.map(|ms| if ms.is_finite() { ms } else { f64::INFINITY }).fold(0.0, f64::max);
    let goal = "k silent addresses before the good one cost k × 250 ms, and at most 20 ms more";
    goals.add(goal, format!("at most {most:.1} ms more"), most <= SLACK_MS);
    for peer in Peer::ALL.into_iter().filter(|peer| !peer.is_he() && *peer != Peer::Reference) {
        let slower = worlds.iter().zip(rows).filter_map(|(world, row)| {
            let (ours, theirs) = (ms(row, Peer::HePlain), ms(row, peer));
            let told = format!("{}: {theirs:.0} ms, he {ours:.0} ms", world.label);
            (ours > theirs + NOISE_MS || ours.is_infinite()).then_some(told)
        });
        let slower: Vec<String> = slower.collect();
        let goal = format!("he, plain DNS: in no row slower than {}", peer.label());
        let told =
            if slower.is_empty() { "slower in no row".to_owned() } else { slower.join("; ") };
        goals.add(goal, told, slower.is_empty());
    }
    goals
}
