//! Who is compared, and how each of them is asked for a connection. What stands here about a peer
//! was read in its source.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::TcpStream;
use tower_service::Service;

/// Somebody who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// `TcpStream::connect` to the good address, without DNS.
    Reference,
    /// `he::connect`, its defaults.
    He,
    /// The same with plain DNS only, as all others use it.
    HePlain,
    /// `TcpStream::connect` by name: one address after the other.
    Tokio,
    /// hyper-util's `HttpConnector`, its default of 300 ms before the other family.
    Hyper,
    /// The same with 250 ms.
    Hyper250,
    /// reqwest with the system's resolver.
    Reqwest,
    /// reqwest with its feature `hickory-dns`.
    ReqwestHickory,
    /// The crate `happy-eyeballs`.
    HappyEyeballs,
    /// The crate `happyeyeballs`.
    Happyeyeballs,
    /// The crate `tokio-happy-eyeballs`.
    TokioHappyEyeballs,
}

impl Peer {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 11] = [
        Self::Reference,
        Self::He,
        Self::HePlain,
        Self::Tokio,
        Self::Hyper,
        Self::Hyper250,
        Self::Reqwest,
        Self::ReqwestHickory,
        Self::HappyEyeballs,
        Self::Happyeyeballs,
        Self::TokioHappyEyeballs,
    ];

    /// As it is called in tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::He => "he",
            Self::HePlain => "he, plain DNS",
            Self::Tokio => "tokio `TcpStream`",
            Self::Hyper => "hyper-util",
            Self::Hyper250 => "hyper-util, 250 ms",
            Self::Reqwest => "reqwest",
            Self::ReqwestHickory => "reqwest, `hickory-dns`",
            Self::HappyEyeballs => "`happy-eyeballs`",
            Self::Happyeyeballs => "`happyeyeballs`",
            Self::TokioHappyEyeballs => "`tokio-happy-eyeballs`",
        }
    }

    /// As it is called in arguments.
    pub(crate) fn key(self) -> String {
        format!("{self:?}")
    }

    /// True if it is one of ours.
    pub(crate) fn is_he(self) -> bool {
        matches!(self, Self::He | Self::HePlain)
    }

    /// The peer of this key.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(crate) fn of(key: &str) -> Self {
        Self::ALL.into_iter().find(|peer| peer.key() == key).expect("the key of a peer")
    }
}

/// Where to: a host in every form that somebody asks for.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
    uri: Uri,
}

impl Place {
    /// # Panics
    ///
    /// If it is no host.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        let uri = format!("http://{host}:{port}/").parse().expect("a URI");
        Self { host: host.to_owned(), port, uri }
    }
}

/// A peer that is ready to connect. All give a stream with `TCP_NODELAY`, as `he` does by default.
pub(crate) enum Dialer {
    He(Box<he::Connector>),
    Hyper(HttpConnector),
    /// hyper-util's connector with a list of addresses in the place of its resolver.
    HyperGiven(HttpConnector<Given>),
    Tokio,
    HappyEyeballs,
    Happyeyeballs,
    TokioHappyEyeballs,
}

impl Dialer {
    /// # Panics
    ///
    /// For the reference, and for reqwest, which returns responses and not connections.
    pub(crate) fn new(peer: Peer) -> Self {
        match peer {
            Peer::He => Self::He(Box::default()),
            Peer::HePlain => {
                let resolver = he::dns::Resolver::system_plain();
                Self::He(Box::new(he::Connector::new(resolver)))
            }
            Peer::Hyper => Self::Hyper(with_options(HttpConnector::new(), None)),
            Peer::Hyper250 => Self::Hyper(with_options(HttpConnector::new(), Some(250))),
            Peer::Tokio => Self::Tokio,
            Peer::HappyEyeballs => Self::HappyEyeballs,
            Peer::Happyeyeballs => Self::Happyeyeballs,
            Peer::TokioHappyEyeballs => Self::TokioHappyEyeballs,
            Peer::Reference | Peer::Reqwest | Peer::ReqwestHickory => {
                panic!("{peer:?} does not connect by name")
            }
        }
    }

    /// hyper-util's connector for this list, 250 ms before the other family.
    pub(crate) fn hyper_given(addrs: &[SocketAddr]) -> Self {
        let connector = HttpConnector::new_with_resolver(Given(addrs.into()));
        Self::HyperGiven(with_options(connector, Some(250)))
    }

    /// Connects by name or literal.
    pub(crate) async fn connect(&self, to: &Place) -> io::Result<TcpStream> {
        let pair = (&*to.host, to.port);
        match self {
            Self::He(connector) => Ok(connector.connect(&to.host, to.port).await?),
            Self::Hyper(connector) => by_service(connector.clone(), to.uri.clone()).await,
            Self::HyperGiven(connector) => by_service(connector.clone(), to.uri.clone()).await,
            Self::Tokio => nodelay(TcpStream::connect(pair).await),
            Self::HappyEyeballs => nodelay(happy_eyeballs::tokio::connect(pair).await),
            Self::Happyeyeballs => nodelay(happyeyeballs::connect(pair).await),
            Self::TokioHappyEyeballs => nodelay(tokio_happy_eyeballs::connect(pair).await),
        }
    }

    /// Connects to one of these addresses. hyper-util's has its list already.
    ///
    /// # Panics
    ///
    /// If hyper-util's has none.
    pub(crate) async fn connect_addrs(&self, addrs: &[SocketAddr]) -> io::Result<TcpStream> {
        match self {
            Self::He(connector) => Ok(connector.connect_addrs(addrs).await?),
            // Without a port, for one there would be that of all addresses.
            Self::HyperGiven(connector) => by_service(connector.clone(), GIVEN.clone()).await,
            Self::Hyper(_) => panic!("hyper-util's connector takes no list"),
            Self::Tokio => nodelay(TcpStream::connect(addrs).await),
            Self::HappyEyeballs => nodelay(happy_eyeballs::tokio::connect(addrs).await),
            Self::Happyeyeballs => nodelay(happyeyeballs::connect(addrs).await),
            Self::TokioHappyEyeballs => nodelay(tokio_happy_eyeballs::connect(addrs).await),
        }
    }
}

static GIVEN: LazyLock<Uri> = LazyLock::new(|| Uri::from_static("http://given.test/"));

/// As `he` does by default; the others leave it to the caller.
pub(crate) fn nodelay(stream: io::Result<TcpStream>) -> io::Result<TcpStream> {
    let stream = stream?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// `delay`: milliseconds before the other family, if not its default.
pub(crate) fn with_options<R>(
    mut connector: HttpConnector<R>,
    delay: Option<u64>,
) -> HttpConnector<R> {
    connector.set_nodelay(true);
    connector.enforce_http(false);
    if let Some(delay) = delay {
        connector.set_happy_eyeballs_timeout(Some(Duration::from_millis(delay)));
    }
    connector
}

async fn by_service<C>(mut connector: C, to: Uri) -> io::Result<TcpStream>
where
    C: Service<Uri, Response = hyper_util::rt::TokioIo<TcpStream>>,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connected = connector.call(to).await.map_err(io::Error::other)?;
    Ok(connected.into_inner())
}

/// A resolver for hyper-util that knows the addresses of everything.
#[derive(Clone, Debug)]
pub(crate) struct Given(pub(crate) Arc<[SocketAddr]>);

impl Service<Name> for Given {
    type Response = GivenAddrs;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<GivenAddrs>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        std::future::ready(Ok(GivenAddrs { addrs: Arc::clone(&self.0), next: 0 }))
    }
}

/// The addresses, one after the other.
pub(crate) struct GivenAddrs {
    addrs: Arc<[SocketAddr]>,
    next: usize,
}

impl Iterator for GivenAddrs {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        let addr = self.addrs.get(self.next).copied();
        self.next += 1;
        addr
    }
}
