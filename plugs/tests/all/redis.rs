//! The recipe for redis against Redis.

#[path = "../../examples/redis.rs"]
mod recipe;

use std::net::SocketAddr;
use std::path::Path;

use he::{Connector, Report};
use he_test_support::net::Peer::{Accepts, Free};
use he_test_support::net::{NAME, Peers, Table};
use he_test_support::tls::Authority;
use he_test_support::web;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ErrorKind, ProtocolVersion, RedisConnectionInfo,
    RedisError, cmd,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::dual::Dual;
use crate::kernel;
use crate::server::{self, Dir, Server};
use crate::trusting;

/// Time is no matter here.
fn patient() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None)
}

const PASSWORD: &str = "open-sesame";

fn login() -> RedisConnectionInfo {
    RedisConnectionInfo::default().set_password(PASSWORD).set_db(3)
}

#[tokio::test]
async fn commands_run_where_redis_answers_and_clones_share_the_connection() {
    if !installed() {
        return;
    }
    for protocol in [ProtocolVersion::RESP2, ProtocolVersion::RESP3] {
        let dual = Dual::stack(Free);
        let _redis = start(dual.server(), None).await;
        let login = login().set_protocol(protocol);
        let made = recipe::connect(&dual.connector, None, (&login, &patient()), NAME, dual.port())
            .await
            .unwrap();
        dual.assert_raced(&made.report);
        let (mut first, mut second) = (made.stream.clone(), made.stream.clone());
        cmd("SET").arg("key").arg("value").exec_async(&mut first).await.unwrap();
        let value: String = cmd("GET").arg("key").query_async(&mut second).await.unwrap();
        assert_eq!(value, "value");
        let clients: String = cmd("CLIENT").arg("LIST").query_async(&mut second).await.unwrap();
        assert_eq!(clients.lines().count(), 1, "{clients}");
        assert!(clients.contains(&format!(" laddr={} ", made.addr)), "{clients}");
        assert!(clients.contains(" db=3 "), "{clients}");
    }
}

#[tokio::test]
async fn tls_is_within_the_race() {
    if !installed() {
        return;
    }
    let (dual, authority) = (Dual::stack(Free), Authority::new());
    let _redis = start(dual.server(), Some(&authority)).await;
    let (login, port) = (login(), dual.port());
    let tls = trusting(&authority);
    let made = recipe::connect(&dual.connector, Some(&tls), (&login, &patient()), NAME, port)
        .await
        .unwrap();
    dual.assert_raced(&made.report);
    let pong: String = cmd("PING").query_async(&mut made.stream.clone()).await.unwrap();
    assert_eq!(pong, "PONG");

    let stranger = trusting(&Authority::named("a stranger"));
    let refused =
        recipe::connect(&dual.straight(), Some(&stranger), (&login, &patient()), NAME, port).await;
    let error = refused.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("bad certificate"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_loading_its_data_loses_to_one_that_is_ready() {
    if !installed() {
        return;
    }
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Free)]);
    let _redis = start(peers.addr(1), None).await;
    // Not Redis, but what a Redis says that has begun to read its file after the log-in.
    web::Guests::welcome(peers.listener(0), |guest| async move {
        let (said, mut answers) = guest.into_split();
        let mut said = BufReader::new(said).lines();
        while let Ok(Some(line)) = said.next_line().await {
            let answer = match &*line {
                "AUTH" | "CLIENT" => "+OK\r\n",
                "PING" => "-LOADING Redis is loading the dataset in memory\r\n",
                _ => continue, // lengths and arguments
            };
            let _ = answers.write_all(answer.as_bytes()).await;
        }
    });
    let connector = Connector::new(Table::of(peers.ips()));
    let login = RedisConnectionInfo::default().set_password(PASSWORD);
    let made =
        recipe::connect(&connector, None, (&login, &patient()), NAME, peers.port).await.unwrap();
    assert_eq!(peers.story(&made.report), ["127.0.0.1:P other error", "127.0.0.2:P won"]);
    assert_eq!(cause(&made.report).code(), Some("LOADING"));
}

#[tokio::test]
async fn a_user_who_may_not_ask_for_a_sign_of_life_has_one() {
    if !installed() {
        return;
    }
    let dual = Dual::stack(Free);
    let _redis = start(dual.server(), None).await;
    let login = login().set_username("mute");
    let made = recipe::connect(&dual.connector, None, (&login, &patient()), NAME, dual.port())
        .await
        .unwrap();
    dual.assert_raced(&made.report);
    let mut redis = made.stream.clone();
    let who: String = cmd("ACL").arg("WHOAMI").query_async(&mut redis).await.unwrap();
    assert_eq!(who, "mute");
    let ping = cmd("PING").exec_async(&mut redis).await.unwrap_err();
    assert_eq!(ping.code(), Some("NOPERM"));
}

#[test]
fn the_scheme_of_a_url_decides_about_tls() {
    for (scheme, secure) in [("redis", false), ("rediss", true)] {
        let url = format!("{scheme}://mute:{PASSWORD}@{NAME}:6380/3");
        let (asked, info) = recipe::parse(&url).unwrap();
        assert_eq!(asked, secure);
        assert_eq!(info.addr(), &ConnectionAddr::Tcp(NAME.to_owned(), 6380));
        let settings = info.redis_settings();
        assert_eq!((settings.username(), settings.password()), (Some("mute"), Some(PASSWORD)));
        assert_eq!(settings.db(), 3);
    }
    let error = recipe::parse("https://service.test").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidClientConfig);
}

#[tokio::test]
async fn a_password_that_is_wrong_is_told_as_redis_tells_it() {
    if !installed() {
        return;
    }
    let dual = Dual::stack(Free);
    let _redis = start(dual.server(), None).await;
    for (login, code) in
        [(login().set_password("guess"), None), (RedisConnectionInfo::default(), Some("NOAUTH"))]
    {
        let refused =
            recipe::connect(&dual.straight(), None, (&login, &patient()), NAME, dual.port()).await;
        let error = refused.map(|_| ()).unwrap_err();
        let cause = cause(error.report());
        assert_eq!(cause.code(), code, "{cause:?}");
    }
}

/// Why the first attempt has failed, in redis's words.
fn cause(report: &Report) -> &RedisError {
    let error = report.attempts()[0].error().unwrap();
    error.get_ref().unwrap().downcast_ref().unwrap()
}

#[tokio::test]
async fn a_connect_that_is_dropped_leaves_nothing_here_or_at_the_server() {
    if !installed() {
        return;
    }
    let (dual, authority) = (Dual::stack(Free), Authority::new());
    let _redis = start(dual.server(), Some(&authority)).await;
    let (login, config) = (login(), patient());
    let tls = trusting(&authority);
    kernel::assert_leaves_nothing(&dual, async |connector| {
        recipe::connect(connector, Some(&tls), (&login, &config), NAME, dual.port()).await
    })
    .await;
}

const PROGRAM: &str = "/usr/bin/redis-server";

fn installed() -> bool {
    server::installed(Path::new(PROGRAM), "redis-server")
}

/// A new Redis that wants a password, and has a user who may not PING; with TLS and nothing else if there is somebody to issue a
/// certificate.
async fn start(addr: SocketAddr, authority: Option<&Authority>) -> Server {
    let (ip, port) = (addr.ip(), addr.port());
    let mut text = format!("bind {ip}\nrequirepass {PASSWORD}\nsave \"\"\n");
    text += &format!("user mute on >{PASSWORD} ~* +@all -ping\n");
    let dir = Dir::new("redis");
    match authority {
        None => text += &format!("port {port}\n"),
        Some(authority) => {
            dir.certificate(authority.pems(&[NAME]));
            text += &format!("port 0\ntls-port {port}\ntls-auth-clients no\n");
            text += "tls-cert-file certificate.pem\ntls-key-file key.pem\n";
        }
    }
    dir.write("redis.conf", &text);
    let mut redis = dir.command(Path::new(PROGRAM));
    redis.arg("redis.conf");
    Server::start(dir, redis, &[addr]).await.says("Ready to accept connections").await
}
