use super::*;

fn owner() -> SlotOwner {
    SlotOwner { job: JobId::random(), stage: 0, plan: "00112233445566aa".parse().unwrap() }
}

fn spool() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), "stitcher-1").unwrap();
    (folder, spool)
}

fn write(slots: &Slots, index: u32, pixels: &[u8]) {
    slots.open().unwrap().write(index, pixels.to_vec(), crc32c::crc32c(pixels)).unwrap();
}

fn read(slots: &Slots, index: u32, length: usize) -> Result<Vec<u8>, SlotError> {
    let mut pixels = vec![0; length];
    slots.open().unwrap().read(index, &mut pixels).map(|()| pixels)
}

#[test]
fn a_folder_keeps_its_id_and_another_folder_has_another() {
    let (_folder, spool) = spool();
    let owner = owner();
    let id = spool.claim(owner.job, 0).unwrap();
    assert_eq!(spool.claim(owner.job, 0).unwrap(), id);
    assert_ne!(spool.claim(owner.job, 1).unwrap(), id);
    spool.remove(owner.job, 0).unwrap();
    spool.remove(owner.job, 0).unwrap();
    assert_eq!(spool.folders().unwrap().len(), 1);
    assert_ne!(spool.claim(owner.job, 0).unwrap(), id);
}

#[test]
fn a_folder_whose_id_is_unreadable_begins_anew() {
    let (folder, spool) = spool();
    let owner = owner();
    let id = spool.claim(owner.job, 0).unwrap();
    let slots = spool.slots(owner, 4);
    write(&slots, 0, &[1, 2, 3, 4]);
    let path = folder.path().join(format!("spool/stitcher-1/{}-0/spool_id", owner.job));
    fs::write(path, "rubbish").unwrap();
    assert_ne!(spool.claim(owner.job, 0).unwrap(), id);
    assert!(matches!(read(&slots, 0, 4), Err(SlotError::Bad { index: 0 })));
}

#[test]
fn slots_come_back_and_empty_ones_are_bad() {
    let (_folder, spool) = spool();
    let owner = owner();
    spool.claim(owner.job, 0).unwrap();
    let slots = spool.slots(owner, 5000);
    write(&slots, 2, &[2; 5000]);
    write(&slots, 0, &[1; 7]);
    assert_eq!(read(&slots, 2, 5000).unwrap(), [2; 5000]);
    assert_eq!(read(&slots, 0, 7).unwrap(), [1; 7]);
    assert_eq!(slots.open().unwrap().stored_crc32c(0).unwrap(), crc32c::crc32c(&[1; 7]));
    for (index, length) in [(1, 7), (3, 7), (0, 8)] {
        assert!(matches!(read(&slots, index, length), Err(SlotError::Bad { .. })), "tile {index}");
    }
    assert!(slots.open().unwrap().write(1, vec![0; 9000], 0).is_err());
}

#[test]
fn corruption_anywhere_in_a_slot_is_found() {
    let (folder, spool) = spool();
    let owner = owner();
    spool.claim(owner.job, 0).unwrap();
    let slots = spool.slots(owner, 300);
    let path = folder.path().join(format!("spool/stitcher-1/{}-0/slots", owner.job));
    for at in [0, 10, 41, 45, 50, 57, 61, 65, 80, 200, 379] {
        write(&slots, 0, &[9; 300]);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(read(&slots, 0, 300), Err(SlotError::Bad { index: 0 })), "byte {at}");
    }
    write(&slots, 0, &[9; 300]);
    fs::File::options().write(true).open(&path).unwrap().set_len(200).unwrap();
    assert!(matches!(read(&slots, 0, 300), Err(SlotError::Bad { index: 0 })), "cut off");
}

#[test]
fn one_tile_can_be_kept_in_memory() {
    let slots = Slots::in_memory(owner());
    assert!(matches!(read(&slots, 0, 3), Err(SlotError::Bad { .. })));
    write(&slots, 0, &[1, 2, 3]);
    assert_eq!(read(&slots, 0, 3).unwrap(), [1, 2, 3]);
    assert_eq!(slots.memory_bytes(), 3);
    assert!(read(&slots, 0, 4).is_err());
    let mut part = [0; 2];
    slots.open().unwrap().read_part(0, 1, &mut part).unwrap();
    assert_eq!(part, [2, 3]);
    assert!(slots.open().unwrap().read_part(0, 2, &mut part).is_err());
}

#[test]
fn opening_completes_removals() {
    let (folder, spool) = spool();
    let left = folder.path().join("spool/stitcher-1/.removed-1");
    fs::create_dir_all(left.join("deep")).unwrap();
    Spool::open(folder.path(), "stitcher-1").unwrap();
    assert!(!left.exists());
    assert!(spool.check().is_ok());
}
