//! The recipe for tokio-postgres against PostgreSQL.

#[path = "../../examples/postgres.rs"]
mod recipe;

use std::fs::{self, DirEntry};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use he::Connector;
use he_test_support::net::Peer::{Accepts, Free};
use he_test_support::net::{NAME, Peers, Table};
use he_test_support::tls::Authority;
use he_test_support::web;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_postgres::config::{Config, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::dual::Dual;
use crate::kernel;
use crate::server::{self, Dir, Server};

const USER: &str = "visitor";
const PASSWORD: &str = "open sesame";
/// What a certificate has for bücher.test.
const IDN: &str = "xn--bcher-kva.test";

fn login(ssl: SslMode) -> Config {
    let mut config = Config::new();
    config.user(USER).password(PASSWORD).dbname("postgres").ssl_mode(ssl);
    config
}

fn trusting(authority: &Authority) -> MakeRustlsConnect {
    let tls = crate::trusting(authority).client_config().unwrap();
    MakeRustlsConnect::new((*tls).clone())
}

#[tokio::test]
async fn a_query_runs_where_postgres_answers_and_can_be_cancelled() {
    let Some(bin) = bin() else { return };
    let (dual, authority) = (Dual::stack(Free), Authority::new());
    let _postgres = start(&bin, dual.server(), Some(&authority)).await;
    let tls = trusting(&authority);
    for (ssl, host) in [(SslMode::Disable, NAME), (SslMode::Require, "bücher.test")] {
        let login = login(ssl);
        let connect = || recipe::connect(&dual.connector, &tls, &login, host, dual.port());
        let made = connect().await.unwrap();
        dual.assert_raced(&made.report);
        let peer = "SELECT host(inet_server_addr()) || ':' || inet_server_port()";
        assert_eq!(ask(&made.stream.client, peer).await, made.addr.to_string());

        let other = connect().await.unwrap();
        let cancel = async {
            let busy = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
            while ask(&other.stream.client, busy).await != "1" {}
            recipe::cancel(&dual.connector, &tls, &made).await.unwrap();
        };
        let sleep = made.stream.client.simple_query("SELECT pg_sleep(3600)");
        let (slept, ()) = tokio::join!(sleep, cancel);
        assert_eq!(slept.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
    }
}

#[tokio::test]
async fn tls_and_the_log_in_are_within_the_race() {
    let Some(bin) = bin() else { return };
    let (dual, authority) = (Dual::stack(Free), Authority::new());
    let _postgres = start(&bin, dual.server(), Some(&authority)).await;
    let login = login(SslMode::Require);
    let tls = trusting(&authority);
    let made = recipe::connect(&dual.connector, &tls, &login, NAME, dual.port()).await.unwrap();
    dual.assert_raced(&made.report);
    let secure = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(ask(&made.stream.client, secure).await, "t");

    let stranger = trusting(&Authority::named("a stranger"));
    let refused = recipe::connect(&dual.straight(), &stranger, &login, NAME, dual.port()).await;
    let error = refused.map(|_| ()).unwrap_err().to_string();
    let why = "error performing TLS handshake: invalid peer certificate: UnknownIssuer";
    assert!(error.contains(why), "{error}");

    let mut wrong = login.clone();
    wrong.password("guess");
    let refused = recipe::connect(&dual.straight(), &tls, &wrong, NAME, dual.port()).await;
    let error = refused.map(|_| ()).unwrap_err();
    let cause = error.report().attempts()[0].error().unwrap();
    assert_eq!(code(cause), Some(&SqlState::INVALID_PASSWORD));
}

#[tokio::test]
async fn who_has_no_tls_gets_no_password() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let (said, mut heard) = unbounded_channel();
    web::Guests::welcome(peers.listener(0), move |guest| say_no(guest, said.clone()));
    let (connector, tls) = (Connector::new(Table::of(peers.ips())), trusting(&Authority::new()));
    for (config, why) in [
        (login(SslMode::Prefer), "sslmode has to be require, or else disable"),
        (login(SslMode::Require), "server does not support TLS"),
    ] {
        let refused = recipe::connect(&connector, &tls, &config, NAME, peers.port).await;
        let error = refused.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(heard.recv().await.unwrap(), b"", "behind the question for TLS");
    assert!(heard.try_recv().is_err(), "one has come, the one that requires TLS");
}

/// Not PostgreSQL, but somebody who has no TLS and asks for the password in clear.
async fn say_no(mut guest: TcpStream, said: UnboundedSender<Vec<u8>>) {
    const SSL_REQUEST: usize = 8;
    const AUTHENTICATION_CLEARTEXT_PASSWORD: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
    guest.read_exact(&mut [0; SSL_REQUEST]).await.unwrap();
    let _ = guest.write_all(b"N").await;
    let _ = guest.write_all(AUTHENTICATION_CLEARTEXT_PASSWORD).await;
    let mut rest = Vec::new();
    let _ = guest.read_to_end(&mut rest).await;
    said.send(rest).unwrap();
}

#[tokio::test]
async fn a_server_that_is_starting_up_loses_to_one_that_is_up() {
    let Some(bin) = bin() else { return };
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Free)]);
    let _postgres = start(&bin, peers.addr(1), None).await;
    web::Guests::welcome(peers.listener(0), |mut guest| async move {
        let _ = guest.read(&mut [0; 1024]).await;
        let _ = guest.write_all(&starting_up()).await;
    });
    let (connector, tls) = (Connector::new(Table::of(peers.ips())), trusting(&Authority::new()));
    let login = login(SslMode::Disable);
    let made = recipe::connect(&connector, &tls, &login, NAME, peers.port).await.unwrap();
    assert_eq!(peers.story(&made.report), ["127.0.0.1:P other error", "127.0.0.2:P won"]);
    let refused = made.report.attempts()[0].error().unwrap();
    assert_eq!(code(refused), Some(&SqlState::CANNOT_CONNECT_NOW));
    assert_eq!(ask(&made.stream.client, "SELECT 1 + 1").await, "2");
}

#[tokio::test]
async fn a_connect_that_is_dropped_leaves_nothing_here_or_at_the_server() {
    let Some(bin) = bin() else { return };
    let (dual, authority) = (Dual::stack(Free), Authority::new());
    let _postgres = start(&bin, dual.server(), Some(&authority)).await;
    let (tls, login) = (trusting(&authority), login(SslMode::Require));
    kernel::assert_leaves_nothing(&dual, async |connector| {
        recipe::connect(connector, &tls, &login, NAME, dual.port()).await
    })
    .await;
}

/// The first column of the first row.
async fn ask(client: &Client, sql: &str) -> String {
    let messages = client.simple_query(sql).await.unwrap();
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    row.unwrap().to_owned()
}

/// What the server has said.
fn code(error: &std::io::Error) -> Option<&SqlState> {
    error.get_ref()?.downcast_ref::<tokio_postgres::Error>()?.code()
}

/// An ErrorResponse, as PostgreSQL sends it until it has read its log: fields of one letter and a
/// text.
fn starting_up() -> Vec<u8> {
    let fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
    [b"E", &length[..], fields].concat()
}

/// Where Debian has the programs of the newest PostgreSQL: `/usr/lib/postgresql/15/bin`.
fn bin() -> Option<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql");
    let found = fs::read_dir(versions).into_iter().flatten().flatten();
    let number = |version: &DirEntry| version.file_name().to_str()?.parse::<u32>().ok();
    let newest = found.filter(|it| it.path().join("bin/initdb").exists()).max_by_key(number);
    let bin = newest.map_or(versions.to_owned(), |version| version.path().join("bin"));
    server::installed(&bin.join("initdb"), "postgresql").then_some(bin)
}

/// A new PostgreSQL that knows one user; with TLS if there is somebody to issue a certificate.
async fn start(bin: &Path, addr: SocketAddr, authority: Option<&Authority>) -> Server {
    let dir = Dir::new("postgres");
    let password = dir.write("password", PASSWORD);
    let mut initdb = dir.command(&bin.join("initdb"));
    initdb.args(["-D", "data", "-U", USER, "--auth=scram-sha-256", "--pwfile"]).arg(password);
    let made = initdb.args(["--no-sync", "--locale=C", "-E", "UTF8"]).output().unwrap();
    assert!(made.status.success(), "{made:?}");

    let (host, port) = (format!("listen_addresses={}", addr.ip()), format!("port={}", addr.port()));
    let mut settings = vec![&*host, &port, "unix_socket_directories=", "fsync=off"];
    if let Some(authority) = authority {
        dir.certificate(authority.pems(&[NAME, IDN]));
        settings.extend(["ssl=on", "ssl_cert_file=../certificate.pem", "ssl_key_file=../key.pem"]);
    }
    let mut postgres = dir.command(&bin.join("postgres"));
    postgres.args(["-D", "data"]);
    for setting in settings {
        postgres.args(["-c", setting]);
    }
    Server::start(dir, postgres, &[addr]).await.says("ready to accept connections").await
}
