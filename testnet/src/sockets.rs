//! The home host's TCP sockets in the kernel's list.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::wire::FIRST_EPHEMERAL;

/// A client's TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// The remote end.
    pub peer: SocketAddr,
    /// True if it is waiting for its SYN-ACK.
    pub connecting: bool,
}

const ESTABLISHED: &str = "01";
const SYN_SENT: &str = "02";

/// The sockets that connect or are connected. Closed sockets that still end their connection are
/// left out. The call takes some milliseconds.
pub(crate) fn list() -> Vec<Socket> {
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
    let texts = tables.map(|path| fs::read_to_string(path).unwrap_or_default());
    texts.iter().flat_map(|text| text.lines().skip(1)).filter_map(socket).collect()
}

fn socket(line: &str) -> Option<Socket> {
    let mut columns = line.split_whitespace().skip(1);
    let (home, peer, state) = (addr(columns.next()?)?, addr(columns.next()?)?, columns.next()?);
    let alive = [ESTABLISHED, SYN_SENT].contains(&state) && home.port() >= FIRST_EPHEMERAL;
    alive.then_some(Socket { peer, connecting: state == SYN_SENT })
}

/// Parses an address such as `0100007F:1F90`: words of 32 bits in the machine's own byte order.
fn addr(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| u32::from_str_radix(ip.get(at..at + 8)?, 16).ok();
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?.to_ne_bytes()).into(),
        _ => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes = words.map(u32::to_ne_bytes).concat();
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()
        }
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}
