//! hyper's client and the crate's own https connector against nginx.

use std::net::SocketAddr;
use std::path::Path;

use he::Connector;
use he::dns::Resolver;
use he::rustls::HttpsConnector;
use he_test_support::dns::{Dns, Reply};
use he_test_support::net::NAME;
use he_test_support::net::Peer::Free;
use he_test_support::tls::Authority;
use he_test_support::web;
use hickory_proto::rr::RecordType;
use http::Version;
use hyper_util::client::legacy::connect::HttpInfo;

use crate::dual::Dual;
use crate::kernel;
use crate::server::{self, Dir, Server};
use crate::trusting;

fn https(connector: &Connector, authority: &Authority, alpn: &[&str]) -> HttpsConnector {
    let tls = trusting(authority).with_alpn(alpn.iter().copied());
    HttpsConnector::new(connector.clone()).with_tls(tls)
}

#[tokio::test]
async fn requests_share_a_connection_over_http_2_and_over_1() {
    if !installed() {
        return;
    }
    let (dual, authority, dns) = (Dual::stack(Free), Authority::new(), Dns::start().await);
    let _nginx = start(dual.server(), &authority).await;
    let dual = dual.resolver(Resolver::plain_servers([dns.addr]).without_hosts());
    for (record, v6) in [(RecordType::AAAA, true), (RecordType::A, false)] {
        let ips = dual.peers.ips().into_iter().filter(|ip| ip.is_ipv6() == v6);
        let ips: Vec<String> = ips.map(|ip| ip.to_string()).collect();
        let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
        dns.on(NAME, record, [Reply::addrs(60, &ips)]);
    }

    let uri = format!("https://{NAME}:{}/", dual.port());
    for (alpn, version, word) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2, "HTTP/2.0"),
        (&["http/1.1"], Version::HTTP_11, "HTTP/1.1"),
    ] {
        let client = web::client(https(&dual.connector, &authority, alpn));
        let mut connections = Vec::new();
        for _ in 0..2 {
            let (response, body) = web::get(&client, &uri).await.unwrap();
            dual.assert_raced(response.extensions().get().unwrap());
            let info: &HttpInfo = response.extensions().get().unwrap();
            assert_eq!((response.version(), info.remote_addr()), (version, dual.server()));
            let words = format!("{word} from {} over ", info.local_addr());
            connections.push(body.strip_prefix(&words).expect(&body).to_owned());
        }
        assert_eq!(connections[0], connections[1]);
        assert_eq!(dual.reports.count(), 1);
        dual.reports.only();
    }
    assert_eq!(dns.asked()[..2], [format!("AAAA {NAME}"), format!("A {NAME}")]);
}

#[tokio::test]
async fn a_request_that_is_dropped_leaves_nothing_here_or_at_the_server() {
    if !installed() {
        return;
    }
    let (dual, authority) = (Dual::stack(Free), Authority::new());
    let _nginx = start(dual.server(), &authority).await;
    let uri = format!("https://{NAME}:{}/", dual.port());
    for alpn in [&["h2", "http/1.1"][..], &["http/1.1"]] {
        kernel::assert_leaves_nothing(&dual, async |connector| {
            let client = web::client(https(connector, &authority, alpn));
            web::get(&client, &uri).await.map(|(response, _)| response)
        })
        .await;
    }
}

const PROGRAM: &str = "/usr/sbin/nginx";

fn installed() -> bool {
    server::installed(Path::new(PROGRAM), "nginx")
}

/// A new nginx that says what it sees of a request and its connection.
async fn start(addr: SocketAddr, authority: &Authority) -> Server {
    let dir = Dir::new("nginx");
    dir.certificate(authority.pems(&[NAME]));
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("    {what}_temp_path {what};\n"))
        .concat();
    let text = format!(
        r#"
daemon off;
master_process off;
pid pid;
events {{}}
http {{
{temporary}
    access_log off;
    server {{
        listen {addr} ssl http2;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        location / {{
            return 200 "$server_protocol from $remote_addr:$remote_port over $connection";
        }}
    }}
}}
"#
    );
    dir.write("nginx.conf", &text);
    let mut nginx = dir.command(Path::new(PROGRAM));
    nginx.arg("-p").arg(dir.path()).args(["-e", "stderr", "-c", "nginx.conf"]);
    Server::start(dir, nginx, &[addr]).await
}
