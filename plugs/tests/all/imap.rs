//! The recipe for async-imap against Dovecot.

#[path = "../../examples/imap.rs"]
mod recipe;

use std::net::SocketAddr;
use std::path::Path;

use he::Connector;
use he_test_support::net::Peer::{Accepts, Free};
use he_test_support::net::{NAME, Peers, Table};
use he_test_support::tls::Authority;
use tokio::io::AsyncWriteExt;

use crate::dual::Dual;
use crate::kernel;
use crate::server::{self, Dir, Server};
use crate::trusting;

const PASSWORD: &str = "open-sesame";

#[tokio::test]
async fn a_mailbox_is_read_where_dovecot_greets() {
    if !installed() {
        return;
    }
    let (dual, authority) = (Dual::stack(Free), Authority::new());
    let dovecot = start(dual.server(), &authority).await;
    let tls = trusting(&authority);
    let made = recipe::connect(&dual.connector, &tls, NAME, dual.port()).await.unwrap();
    dual.assert_raced(&made.report);
    let client = made.stream.get_ref().get_ref().0.local_addr().unwrap();
    let mut session = made.stream.login("visitor", PASSWORD).await.unwrap();
    assert_eq!(session.examine("INBOX").await.unwrap().exists, 0);
    session.logout().await.unwrap();
    let words =
        format!("user=<visitor>, method=PLAIN, rip={}, lip={}", client.ip(), made.addr.ip());
    assert!(dovecot.log().contains(&words), "{}", dovecot.log());
}

#[tokio::test]
async fn a_server_that_says_bye_loses_and_its_words_are_told() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    let authority = Authority::new();
    // No IMAP servers, but the greetings of such.
    for (index, greeting) in [(0, "* BYE too many users\r\n"), (1, "* OK ready\r\n")] {
        let server = authority.server(&[NAME]);
        server.welcome(peers.listener(index), move |mut stream| async move {
            let _ = stream.write_all(greeting.as_bytes()).await;
            let _ = stream.flush().await;
            // Until the client is done.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        });
    }
    let connector = Connector::new(Table::of(peers.ips()));
    let made = recipe::connect(&connector, &trusting(&authority), NAME, peers.port).await.unwrap();
    assert_eq!(peers.story(&made.report), ["127.0.0.1:P other error", "127.0.0.2:P won"]);
    let bye = made.report.attempts()[0].error().unwrap();
    assert_eq!(bye.to_string(), "greeted with Bye: too many users");
}

#[tokio::test]
async fn a_connect_that_is_dropped_leaves_nothing_here_or_at_the_server() {
    if !installed() {
        return;
    }
    let (dual, authority) = (Dual::stack(Free), Authority::new());
    let _dovecot = start(dual.server(), &authority).await;
    let tls = trusting(&authority);
    kernel::assert_leaves_nothing(&dual, async |connector| {
        recipe::connect(connector, &tls, NAME, dual.port()).await
    })
    .await;
}

const PROGRAM: &str = "/usr/sbin/dovecot";

fn installed() -> bool {
    server::installed(Path::new(PROGRAM), "dovecot-imapd")
}

/// A new Dovecot that takes everybody with the right password, and speaks IMAP with TLS only. Its
/// settings are those of Dovecot 2.3 (Debian 12); 2.4 has other names for them.
async fn start(addr: SocketAddr, authority: &Authority) -> Server {
    let dir = Dir::new("dovecot");
    let [certificate, key] = dir.certificate(authority.pems(&[NAME]));
    let [user, group] = server::identity();
    let home = dir.path().display();
    let text = format!(
        r#"
base_dir = {home}/run
state_dir = {home}/state
log_path = /dev/stderr
protocols = imap
ssl = required
ssl_cert = <{}
ssl_key = <{}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{home}/mail
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = {}
    port = {}
    ssl = yes
  }}
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}
}}
"#,
        certificate.display(),
        key.display(),
        addr.ip(),
        addr.port(),
    );
    dir.write("dovecot.conf", &text);
    let mut dovecot = dir.command(Path::new(PROGRAM));
    dovecot.args(["-F", "-c", "dovecot.conf"]);
    Server::start(dir, dovecot, &[addr]).await
}
