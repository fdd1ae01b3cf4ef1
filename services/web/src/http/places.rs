//! Places for clients, of which there is a bounded number: one each, in the order in which they came.
//!
//! No client has all places. While others wait and nothing is free, those who move their bytes most slowly are told
//! to give way. Knows nothing of what a place is for.

mod holder;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;

pub use holder::Holder;

use super::client::Client;

/// How often those who wait look for a holder that should give way.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Places of one kind; clones share them.
#[derive(Clone, Debug)]
pub struct Places {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    most: usize,
    most_waiting: usize,
    room: Mutex<Room>,
}

#[derive(Debug)]
struct Room {
    held: Vec<Arc<Holder>>,
    waiting: VecDeque<Waiter>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Waiter {
    client: Client,
    tell: oneshot::Sender<Place>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    inner: Arc<Inner>,
    holder: Arc<Holder>,
}

impl Places {
    /// `most` places, and room for `most_waiting` to wait for one.
    pub fn new(most: usize, most_waiting: usize) -> Self {
        let room = Mutex::new(Room { held: Vec::new(), waiting: VecDeque::new(), looked: None });
        Self { inner: Arc::new(Inner { most: most.max(1), most_waiting: most_waiting.max(1), room }) }
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.inner.room.lock().held.len()
    }

    /// A place, waited for as long as `wait`; `None` if there is none.
    ///
    /// # Cancel safety
    /// Dropped while it waits it holds nothing.
    pub async fn enter(&self, client: Client, wait: Duration) -> Option<Place> {
        let mut told = match self.inner.ask(client) {
            Asked::In(place) => return Some(place),
            Asked::Full => return None,
            Asked::Waits(told) => told,
        };
        let end = tokio::time::sleep(wait);
        tokio::pin!(end);
        loop {
            self.inner.make_room(Instant::now());
            tokio::select! {
                place = &mut told => return place.ok(),
                () = &mut end => return None,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

impl Place {
    /// Who has it.
    pub fn holder(&self) -> &Arc<Holder> {
        &self.holder
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.room.lock().held.retain(|held| !Arc::ptr_eq(held, &self.holder));
        self.inner.admit();
    }
}

enum Asked {
    In(Place),
    Waits(oneshot::Receiver<Place>),
    Full,
}

impl Inner {
    fn ask(self: &Arc<Self>, client: Client) -> Asked {
        let mut room = self.room.lock();
        room.waiting.retain(|waiter| !waiter.tell.is_closed());
        if self.has_place(&room, client) {
            return Asked::In(self.place(&mut room, client));
        }
        let of_client = room.waiting.iter().filter(|waiter| waiter.client == client).count();
        if room.waiting.len() >= self.most_waiting || of_client >= most_each(self.most_waiting) {
            return Asked::Full;
        }
        let (tell, told) = oneshot::channel();
        room.waiting.push_back(Waiter { client, tell });
        Asked::Waits(told)
    }

    fn has_place(&self, room: &Room, client: Client) -> bool {
        room.held.len() < self.most && room.of(client) < most_each(self.most)
    }

    fn place(self: &Arc<Self>, room: &mut Room, client: Client) -> Place {
        let holder = Arc::new(Holder::new(client));
        room.held.push(holder.clone());
        Place { inner: self.clone(), holder }
    }

    /// Lets in those who can be.
    fn admit(self: &Arc<Self>) {
        loop {
            let (waiter, place) = {
                let mut room = self.room.lock();
                room.waiting.retain(|waiter| !waiter.tell.is_closed());
                let next = room.waiting.iter().position(|waiter| self.has_place(&room, waiter.client));
                let Some(waiter) = next.and_then(|next| room.waiting.remove(next)) else { return };
                let place = self.place(&mut room, waiter.client);
                (waiter, place)
            };
            // A client that has gone meanwhile gives it back at once.
            drop(waiter.tell.send(place));
        }
    }

    /// Tells as many to give way as wait: the slowest, and only those who are slow.
    fn make_room(&self, now: Instant) {
        let mut room = self.room.lock();
        if room.looked.is_some_and(|looked| now.saturating_duration_since(looked) < LOOK_EVERY / 2) {
            return;
        }
        room.looked = Some(now);
        let mut slow: Vec<(i64, &Arc<Holder>)> = Vec::new();
        let mut going: Vec<Client> = Vec::new();
        for holder in &room.held {
            match (holder.is_told(), holder.left_us(now)) {
                (true, _) => going.push(holder.client()),
                (false, left) if left <= 0 => slow.push((left, holder)),
                (false, _) => {}
            }
        }
        slow.sort_by_key(|(left, _)| *left);
        for waiter in room.waiting.iter().filter(|waiter| !waiter.tell.is_closed()) {
            // A client that has all it may have needs a place of its own back.
            let own_only = room.of(waiter.client) >= most_each(self.most);
            let fits = |client: Client| !own_only || client == waiter.client;
            if let Some(at) = going.iter().position(|client| fits(*client)) {
                going.swap_remove(at);
            } else if let Some(at) = slow.iter().position(|(_, holder)| fits(holder.client())) {
                slow.remove(at).1.tell();
            }
        }
    }
}

impl Room {
    fn of(&self, client: Client) -> usize {
        self.held.iter().filter(|holder| holder.client() == client).count()
    }
}

/// What one client can have of `most`: never all, if there are several.
fn most_each(most: usize) -> usize {
    (most - most / 4).min(most.saturating_sub(1)).max(1)
}

#[cfg(test)]
mod tests;
