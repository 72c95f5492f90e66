//! A TCP client written against the reference's protocol: one JSON object a line, each ended by `\r\n`, `extID`
//! echoed, the token in each request, 30 s time-out.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

/// A connection with a token.
#[derive(Debug)]
pub struct Tcp {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    token: Option<String>,
    next_ext_id: i64,
    /// Events that came while a reply was waited for.
    pub events: Vec<Value>,
}

impl Tcp {
    /// Connects.
    pub fn connect(address: SocketAddr, token: Option<&str>) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self {
            stream,
            reader,
            token: token.map(str::to_owned),
            next_ext_id: 1,
            events: Vec::new(),
        }
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it reads");
    }

    /// The next frame as it came, its end included; `None` when the server has closed.
    pub fn read_raw(&mut self) -> Option<String> {
        let mut frame = Vec::new();
        let read = self.reader.read_until(b'\n', &mut frame);
        match read {
            Ok(0) => None,
            Ok(_) => Some(String::from_utf8(frame).expect("text")),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("no frame: {error}"),
        }
    }

    /// The next frame.
    pub fn read(&mut self) -> Value {
        let frame = self.read_raw().expect("a frame");
        assert!(frame.ends_with("\r\n"), "ends in CR LF: {frame:?}");
        assert!(frame.is_ascii(), "ASCII only: {frame:?}");
        serde_json::from_str(&frame).expect("JSON")
    }

    /// Sends a request; gives its `extID`.
    pub fn send(&mut self, command: &str, data: &Value) -> i64 {
        let ext_id = self.next_ext_id;
        self.next_ext_id += 1;
        let mut request = json!({ "command": command, "data": data, "extID": ext_id });
        if let Some(token) = &self.token {
            request["__token"] = token.as_str().into();
        }
        self.send_raw(format!("{request}\r\n").as_bytes());
        ext_id
    }

    /// Sends a request and waits for its reply; events on the way are kept.
    pub fn call(&mut self, command: &str, data: &Value) -> Value {
        let ext_id = self.send(command, data);
        loop {
            let frame = self.read();
            if frame.get("event").is_some() {
                self.events.push(frame);
                continue;
            }
            assert_eq!(frame["extID"], ext_id, "{frame}");
            return frame;
        }
    }
}
