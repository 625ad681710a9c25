//! The name servers. One real DNS server plays all of them over UDP and TCP; their TLS is in
//! [`crate::tls`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use hickory_proto::op::{Metadata, ResponseCode};
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::TcpListener;

use crate::answering::{self, pause};
use crate::clock::Moment;
use crate::host::Host;
use crate::remote;
use crate::world::World;
use crate::zone::{Asked, Over};

/// A name server. By default it answers at once, with the records that
/// [`Net::dns`](crate::Net::dns) has set.
#[derive(Clone, Copy)]
pub struct NameServer {
    pub(crate) world: &'static World,
    host: Host,
}

impl NameServer {
    pub(crate) fn new(world: &'static World, ip: IpAddr) -> Self {
        Self { world, host: Host::new(world, ip).rtt(0) }
    }

    /// Its host, whose methods change what happens to packets on the way.
    #[must_use]
    pub fn host(&self) -> Host {
        self.host
    }

    /// The address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.host.ip()
    }

    /// Drops every packet.
    pub fn dead(self) -> Self {
        Self { host: self.host.silent(), ..self }
    }

    /// Drops every UDP datagram. TCP works, and so does TLS if the server has it.
    pub fn udp_silent(self) -> Self {
        Self { host: self.host.udp_silent(), ..self }
    }

    /// Receives every question and answers none.
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

    /// Answers `ms` milliseconds later than the name's own delay.
    pub fn after(self, ms: u64) -> Self {
        self.world.zone().mood(self.host.ip()).after = Duration::from_millis(ms);
        self
    }
}

impl From<NameServer> for IpAddr {
    fn from(server: NameServer) -> Self {
        server.ip()
    }
}

/// Serves the address of every name server until the process ends. The sockets are bound when it
/// returns. `second` has those addresses of the home host from which no default route would answer:
/// each needs a UDP socket that is bound to it.
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
        let op_code = request.metadata.op_code;
        let answer = asked(request, came)
            .and_then(|asked| answering::answer(&mut self.0.zone(), asked, op_code, None));
        let Some((message, after)) = answer else { return nothing(&metadata) };
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

/// hickory's log needs to know the header that was sent.
fn nothing(metadata: &Metadata) -> ResponseInfo {
    let counts = hickory_proto::op::HeaderCounts::default();
    hickory_proto::op::Header { metadata: *metadata, counts }.into()
}

/// The question of a request; `None` if it does not have exactly one.
fn asked(request: &Request, at: Moment) -> Option<Asked> {
    let query = request.request_info().ok()?.query;
    let over = if request.protocol() == Protocol::Tcp { Over::Tcp } else { Over::Udp };
    let (name, record) = (query.name().to_string(), query.query_type());
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    // The wire swaps addresses, so the client has the address of the server that it asks.
    let (server, port) = (request.src().ip(), request.src().port());
    Some(Asked { at, server, port, name, record, over, len: request.as_slice().len() })
}
