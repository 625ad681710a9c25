//! The name servers: one real DNS server plays them all, over UDP and TCP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use hickory_proto::op::{Metadata, OpCode, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType, rdata};
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::TcpListener;

use crate::clock::Moment;
use crate::path::Host;
use crate::remote;
use crate::world::World;
use crate::zone::{Asked, Entry, Reply};

/// A name server. Without another word it answers at once, from what [`Net::dns`](crate::Net::dns)
/// has said.
#[derive(Clone, Copy)]
pub struct NameServer {
    world: &'static World,
    host: Host,
}

impl NameServer {
    pub(crate) fn new(world: &'static World, ip: IpAddr) -> Self {
        Self { world, host: Host::new(world, ip).rtt(0) }
    }

    /// The host, for what happens to packets on their way to it.
    #[must_use]
    pub fn host(&self) -> Host {
        self.host
    }

    /// Swallows every packet.
    pub fn dead(self) -> Self {
        Self { host: self.host.silent(), ..self }
    }

    /// Gets every question and answers none.
    pub fn never(self) -> Self {
        self.world.zone().mood(self.host.ip()).never = true;
        self
    }

    /// Answers every question with SERVFAIL.
    pub fn servfail(self) -> Self {
        self.world.zone().mood(self.host.ip()).code = Some(ResponseCode::ServFail);
        self
    }

    /// Answers every question with REFUSED.
    pub fn refuses(self) -> Self {
        self.world.zone().mood(self.host.ip()).code = Some(ResponseCode::Refused);
        self
    }

    /// Answers so many milliseconds later than the name says.
    pub fn after(self, ms: u64) -> Self {
        self.world.zone().mood(self.host.ip()).after = Duration::from_millis(ms);
        self
    }
}

/// Serves every name server's address until the process ends. The sockets are there when it
/// returns. `second`: addresses of the home host that no default route would answer from; a UDP
/// socket that is bound to one does.
pub(crate) fn serve(world: &'static World, second: &[IpAddr]) {
    let _remote = world.remote.enter();
    let mut server = Server::new(Handler(world));
    for ip in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
        let addr = (ip, 53).into();
        server.register_socket(remote::udp(addr).expect("port 53 is free"));
        let tcp = remote::listener(addr).expect("port 53 is free");
        let tcp = TcpListener::from_std(tcp.into()).expect("a listener");
        server.register_listener(tcp, remote::IDLE, 64);
    }
    for ip in second {
        server.register_socket(remote::udp((*ip, 53).into()).expect("port 53 is free"));
    }
    tokio::spawn(async move { server.block_until_done().await });
}

struct Handler(&'static World);

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut handle: R,
    ) -> ResponseInfo {
        let came = Moment::now();
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = true;
        let Some((message, after)) = self.answer(request, came) else { return nothing(&metadata) };
        pause(came + after).await;
        self.0.control.note(came + after);
        metadata.response_code = message.code;
        metadata.truncation = message.truncated;
        let response = MessageResponseBuilder::from_message_request(request).build(
            metadata,
            &message.answers,
            &message.soa,
            [],
            [],
        );
        handle.send_response(response).await.unwrap_or_else(|_| nothing(&metadata))
    }
}

/// hickory wants to be told what was sent, for its own log.
fn nothing(metadata: &Metadata) -> ResponseInfo {
    let counts = hickory_proto::op::HeaderCounts::default();
    hickory_proto::op::Header { metadata: *metadata, counts }.into()
}

/// Until then, by a timer that is finer than tokio's, which counts in milliseconds.
async fn pause(until: Moment) {
    let wait = until - Moment::now();
    if !wait.is_zero() {
        let _ = tokio::task::spawn_blocking(move || std::thread::sleep(wait)).await;
    }
}

/// What is sent.
struct Message {
    code: ResponseCode,
    answers: Vec<Record>,
    soa: Vec<Record>,
    truncated: bool,
}

impl Handler {
    /// What this server says, and how long after the question; `None` if nothing.
    fn answer(&self, request: &Request, came: Moment) -> Option<(Message, Duration)> {
        let query = request.request_info().ok()?.query;
        let name = query.name().to_string().trim_end_matches('.').to_ascii_lowercase();
        let (record, tcp) = (query.query_type(), request.protocol() == Protocol::Tcp);
        // The wire swaps addresses: the client's is that of the server it asks.
        let server = request.src().ip();
        let mut zone = self.0.zone();
        zone.asked.push(Asked { at: came, server, name: name.clone(), record, tcp });
        let mood = *zone.mood(server);
        if mood.never || zone.ignores(&name, record) || request.metadata.op_code != OpCode::Query {
            return None;
        }
        if let Some(code) = mood.code {
            return Some((bare(code), mood.after));
        }
        let chain = follow(&name, record, |name| zone.find(name, record));
        let (message, after) = chain?;
        let truncated = message.truncated && !tcp;
        let answers = if truncated { Vec::new() } else { message.answers };
        Some((Message { truncated, answers, ..message }, after + mood.after))
    }
}

fn bare(code: ResponseCode) -> Message {
    Message { code, answers: Vec::new(), soa: Vec::new(), truncated: false }
}

/// The answer along CNAMEs, as a recursive server gives it; a loop ends after a while.
fn follow(
    asked: &str,
    record: RecordType,
    find: impl Fn(&str) -> Result<Entry, bool>,
) -> Option<(Message, Duration)> {
    let (mut message, mut after) = (bare(ResponseCode::NoError), Duration::ZERO);
    let mut name = asked.to_owned();
    for _ in 0..8 {
        let entry = match find(&name) {
            Ok(entry) => entry,
            Err(exists) => {
                message.code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
                message.soa = vec![soa(NEGATIVE_TTL)];
                return Some((message, after));
            }
        };
        after += entry.after;
        message.truncated |= entry.truncated;
        let data = match entry.reply {
            Reply::Nothing => return None,
            Reply::Code(code) => {
                message.code = code;
                message.soa.extend((code == ResponseCode::NXDomain).then(|| soa(entry.ttl)));
                return Some((message, after));
            }
            Reply::Records(data) if data.is_empty() => {
                message.soa = vec![soa(entry.ttl)];
                return Some((message, after));
            }
            Reply::Records(data) => data,
        };
        let owner = Name::from_ascii(format!("{name}.")).expect("a name");
        let of = |data: &RData| Record::from_rdata(owner.clone(), entry.ttl, data.clone());
        message.answers.extend(data.iter().map(of));
        match data.first() {
            Some(RData::CNAME(target)) if record != RecordType::CNAME => {
                name = target.0.to_string().trim_end_matches('.').to_ascii_lowercase();
            }
            Some(_) | None => break,
        }
    }
    Some((message, after))
}

/// How long a "none" is cached, in seconds, at most.
const NEGATIVE_TTL: u32 = 60;

/// Without it a "none" is not cached.
fn soa(ttl: u32) -> Record {
    let (root, ttl) = (Name::root(), ttl.min(NEGATIVE_TTL));
    let soa = rdata::SOA::new(root.clone(), root.clone(), 1, 3600, 600, 86_400, ttl);
    Record::from_rdata(root, ttl, RData::SOA(soa))
}
