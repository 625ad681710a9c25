//! A little internet on loopback: a real DNS server, and a name with three hosts. One host is
//! silent, one refuses, one answers.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
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
    silent: Silent,
    good: SocketAddr,
    _server: Server<Catalog>,
    _listener: TcpListener,
}

impl Internet {
    pub(crate) async fn new() -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind((GOOD, 0)).await?;
        let good = listener.local_addr()?;
        let silent = silent_host(good.port())?;
        let (server, name_server) = serve(silent.addr.ip()).await?;
        Ok(Self { name_server, silent, good, _server: server, _listener: listener })
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
            self.silent.addr, self.good
        )?;
        match self.silent.addr {
            SocketAddr::V6(_) => Ok(()),
            SocketAddr::V4(_) => {
                writeln!(f, "  This host has no ::1, so the silent one is IPv4 as well.")
            }
        }
    }
}

/// A listener that drops every SYN, because its queue of connections is full. It uses IPv6 where the
/// host has it, so that the race has to change families.
fn silent_host(port: u16) -> Result<Silent, Box<dyn Error>> {
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    if let Ok(silent) = Silent::new(Domain::IPV6, v6) {
        return Ok(silent);
    }
    Silent::new(Domain::IPV4, SocketAddr::from((SILENT_V4, port)))
}

struct Silent {
    addr: SocketAddr,
    _listener: Socket,
    _queue: Vec<TcpStream>,
}

impl Silent {
    fn new(domain: Domain, addr: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let listener = Socket::new(domain, Type::STREAM, None)?;
        listener.bind(&addr.into())?;
        listener.listen(0)?;
        let connect = |_| TcpStream::connect_timeout(&addr, Duration::from_millis(20)).ok();
        let queue = (0..1_000).map_while(connect).collect();
        Ok(Self { addr, _listener: listener, _queue: queue })
    }
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
