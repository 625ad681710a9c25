//! A little internet on loopback: a real DNS server, and a name with three hosts. One host is
//! silent, one refuses, one answers.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::{LowerName, Name, RData, Record, RecordSet, RecordType, RrKey, rdata};
use hickory_server::Server;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

/// The name that all three hosts have.
pub(crate) const NAME: &str = "www.little.example";
const ZONE: &str = "little.example.";

const REFUSING: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const GOOD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const SILENT_V4: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);

pub(crate) struct Internet {
    name_server: SocketAddr,
    silent: SocketAddr,
    good: SocketAddr,
    _server: Server<Catalog>,
    _sockets: (TcpListener, Socket),
}

impl Internet {
    pub(crate) async fn new() -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind((GOOD, 0)).await?;
        let good = listener.local_addr()?;
        let (socket, silent) = silent_host(good.port())?;
        let (server, name_server) = serve(silent.ip()).await?;
        Ok(Self { name_server, silent, good, _server: server, _sockets: (listener, socket) })
    }

    pub(crate) fn name_server(&self) -> SocketAddr {
        self.name_server
    }

    pub(crate) fn port(&self) -> u16 {
        self.good.port()
    }
}

impl fmt::Display for Internet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port();
        writeln!(f, "A little internet on loopback, with a name server at {}:", self.name_server)?;
        writeln!(
            f,
            "  {NAME} is silent at {}, refuses at {REFUSING}:{port}, answers at {}",
            self.silent, self.good
        )?;
        match self.silent {
            SocketAddr::V6(_) => Ok(()),
            SocketAddr::V4(_) => {
                writeln!(f, "  This host has no ::1, so the silent one is IPv4 as well.")
            }
        }
    }
}

/// A listener that drops every packet, by a socket filter. It uses IPv6 where the host has it, so
/// that the race has to change families.
fn silent_host(port: u16) -> Result<(Socket, SocketAddr), Box<dyn Error>> {
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    if let Ok(socket) = listen_silently(Domain::IPV6, v6) {
        return Ok((socket, v6));
    }
    let v4 = SocketAddr::from((SILENT_V4, port));
    Ok((listen_silently(Domain::IPV4, v4)?, v4))
}

fn listen_silently(domain: Domain, addr: SocketAddr) -> Result<Socket, Box<dyn Error>> {
    let socket = Socket::new(domain, Type::STREAM, None)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        const RETURN: u16 = 6; // BPF_RET | BPF_K: how much of the packet is kept
        socket.attach_filter(&[socket2::SockFilter::new(RETURN, 0, 0, 0)])?;
    }
    socket.bind(&addr.into())?;
    socket.listen(1)?;
    Ok(socket)
}

/// A name server over UDP and TCP on one port.
async fn serve(silent: IpAddr) -> Result<(Server<Catalog>, SocketAddr), Box<dyn Error>> {
    let mut server = Server::new(catalog(silent)?);
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = tcp.local_addr()?;
    server.register_socket(UdpSocket::bind(addr).await?);
    server.register_listener(tcp, Duration::from_secs(5), 16);
    Ok((server, addr))
}

fn catalog(silent: IpAddr) -> Result<Catalog, Box<dyn Error>> {
    let (zone, name) = (Name::from_ascii(ZONE)?, Name::from_ascii(format!("{NAME}."))?);
    let soa = rdata::SOA::new(zone.clone(), zone.clone(), 1, 3600, 600, 86400, 60);
    let mut records = vec![Record::from_rdata(zone.clone(), 60, RData::SOA(soa))];
    for ip in [silent, REFUSING.into(), GOOD.into()] {
        records.push(Record::from_rdata(name.clone(), 60, RData::from(ip)));
    }
    let mut sets: BTreeMap<RrKey, RecordSet> = BTreeMap::new();
    for record in records {
        let (owner, kind): (Name, RecordType) = (record.name.clone(), record.record_type());
        let key = RrKey::new(owner.clone().into(), kind);
        sets.entry(key).or_insert_with(|| RecordSet::new(owner, kind, 0)).insert(record, 0);
    }
    let handler = InMemoryZoneHandler::<TokioRuntimeProvider>::new(
        zone.clone(),
        sets,
        ZoneType::Primary,
        AxfrPolicy::Deny,
    )?;
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::new(&zone), vec![Arc::new(handler)]);
    Ok(catalog)
}
