//! *bytes*: the time until the first byte of a response over https.

use std::net::SocketAddr;

use he_testnet::{Authority, internet_for};

use crate::cells::{LIMIT, measure};
use crate::ill::{head, line, matrix, method, note_failures};
use crate::machine;
use crate::peers::Peer;
use crate::requests;
use crate::table::Table;
use crate::worlds::{Web, World};

const PEERS: [Peer; 5] =
    [Peer::Reference, Peer::He, Peer::Hyper, Peer::Reqwest, Peer::ReqwestHickory];

const SHOWN: [&str; 6] =
    ["well", "v6-silent", "3-of-4", "aaaa-unanswered", "tls-mute", "tls-reset"];

/// The table of this part.
///
/// # Errors
///
/// What is missing, or what went wrong in a world.
pub(crate) fn tables() -> Result<String, String> {
    let worlds = SHOWN.map(World::of);
    let rows = matrix("bytes", &worlds, &PEERS)?;
    let mut table = Table::new(head("time to the first byte over https, attempts", &PEERS));
    for (world, row) in worlds.iter().zip(&rows) {
        table.row(line(world, row));
    }
    table.note(format!("{} {}. {}.", method(), machine::line(), machine::versions()));
    table.note(
        "TCP, TLS 1.3 and the request take one round trip each. Column he: \
         `he::rustls::HttpsConnector` under hyper-util's client. Column hyper-util: its \
         `HttpConnector` under hyper-rustls. Column reference: the same as hyper-util, but it gets \
         only the good address and asks no name server. All use their default delays and offer \
         HTTP/2.",
    );
    note_failures(&mut table, &worlds, &rows, &PEERS);
    Ok(table.to_string())
}

/// One cell, in the inner process.
pub(crate) fn cell(world: &str, peer: &str) {
    let (world, peer) = (World::of(world), Peer::of(peer));
    internet_for(LIMIT, |net| async move {
        let authority = Authority::new();
        let web = Web::Https(authority.issue(&["www.test"]));
        let right = SocketAddr::new(world.make(net, &web).ip(), 443);
        let client = requests::Web::new(peer, &authority, right);
        measure(net, client.get("https://www.test/"), |_| None).await.tell()
    });
}
