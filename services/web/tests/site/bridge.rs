//! A way to a server that can be cut and mended.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A way to Redis that can be cut and mended.
pub struct Bridge {
    pub address: SocketAddr,
    pub open: watch::Sender<bool>,
}

impl Bridge {
    /// Carries on a thread of its own, because the test waits for answers that need it.
    pub fn to(target: String) -> Self {
        let (open, opened) = watch::channel(true);
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let mut ended = opened.clone();
                tokio::select! {
                    () = carry(listener, target, opened) => {}
                    () = async { while ended.changed().await.is_ok() {} } => {}
                }
            });
        });
        Self { address: told.recv().unwrap(), open }
    }
}

async fn carry(listener: TcpListener, target: String, opened: watch::Receiver<bool>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let (target, mut opened) = (target.clone(), opened.clone());
        tokio::spawn(async move {
            if !*opened.borrow() {
                return;
            }
            let mut far = TcpStream::connect(target).await.unwrap();
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _ = opened.wait_for(|open| !open) => {}
            }
        });
    }
}
