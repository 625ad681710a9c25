//! Outings, on which a program runs itself again in a namespace. Here it is the test program.

use std::{fs, thread};

use he_testnet::{has_namespaces, is_out, only_loopback, outing};

/// Runs the current test again.
fn again() -> Result<String, String> {
    let test = thread::current().name().unwrap().to_owned();
    outing(&[&test, "--exact", "--nocapture"])
}

#[test]
fn an_outing_has_loopback_and_nothing_else() {
    if is_out() {
        only_loopback([127, 0, 0, 7].into());
        let devices = fs::read_to_string("/proc/net/dev").unwrap();
        let devices: Vec<&str> =
            devices.lines().filter_map(|line| line.split_once(':')).map(|it| it.0.trim()).collect();
        let _bound = std::net::UdpSocket::bind("127.0.0.7:53").expect("loopback is up");
        println!("{devices:?}, {:?}", fs::read_to_string("/etc/resolv.conf").unwrap());
        return;
    }
    if !has_namespaces() {
        return;
    }
    let said = again().unwrap();
    assert!(said.contains(r#"["lo"], "nameserver 127.0.0.7\n""#), "{said}");
    let resolv_conf = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    assert!(!resolv_conf.contains("127.0.0.7"), "out there it is as it was");
}

#[test]
fn an_outing_that_fails_says_what_it_has_said() {
    if is_out() {
        panic!("lost the way");
    }
    if !has_namespaces() {
        return;
    }
    let why = again().unwrap_err();
    assert!(why.contains("lost the way") && why.contains("exit status"), "{why}");
}
