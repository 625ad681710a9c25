//! A name server for benchmarks: `d7.bench.test` is 127.0.0.7, and so is `d7.any.bench.test`; they
//! have no AAAA.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// The name of 127.0.0.`last`.
pub(crate) fn name_of(last: u8) -> String {
    format!("d{last}.bench.test")
}

/// Serves at this address, in a thread of its own, until the process ends.
pub(crate) fn serve(at: &str) -> SocketAddr {
    let socket = UdpSocket::bind(at).unwrap();
    let addr = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let reply = reply(&Message::from_vec(&buffer[..length]).unwrap());
            socket.send_to(&reply.to_vec().unwrap(), from).unwrap();
        }
    });
    addr
}

fn reply(query: &Message) -> Message {
    let mut reply = query.clone().into_response();
    reply.metadata.recursion_available = true;
    let question = &query.queries[0];
    let owner = question.name();
    if question.query_type() == RecordType::A {
        let host = owner.to_string();
        let last = host.trim_start_matches('d').split('.').next().unwrap().parse().unwrap();
        let data = RData::from(IpAddr::from([127, 0, 0, last]));
        reply.answers.push(Record::from_rdata(owner.clone(), 3_600, data));
    } else {
        let zone = Name::from_ascii("bench.test.").unwrap();
        let soa = SOA::new(zone.clone(), zone.clone(), 1, 3_600, 600, 86_400, 300);
        reply.authorities.push(Record::from_rdata(zone, 300, RData::SOA(soa)));
    }
    reply
}
