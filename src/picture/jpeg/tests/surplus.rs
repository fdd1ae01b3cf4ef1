//! Data of a JPEG that is left over: harmless where what comes before it is whole, refused where a bit has changed.

use mozjpeg::Compress;

use super::decode;
use super::kinds::{insert, remarks, restarting, segments};

/// Where coded data of a file ends, each time before a marker.
fn ends(file: &[u8]) -> Vec<usize> {
    let scan = *segments(file).last().unwrap();
    let is_end = |at: &usize| file[*at] == 0xFF && matches!(file[at + 1], 0xC4 | 0xD0..=0xDA);
    (scan + 2..file.len() - 1).filter(is_end).collect()
}

/// The file with a restart interval: its coded data does not change but for the markers.
fn with_restarts() -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/restarts.jpg")).unwrap()
}

fn progressive() -> Vec<u8> {
    restarting(Compress::set_progressive_mode)
}

#[test]
fn what_is_left_over_behind_whole_data_is_skipped_and_said() {
    const WORDS: &str = "it has data that belongs to nothing beside its pixels; it was skipped";
    let ones = [0xff, 0].repeat(8);
    let junk: [&[u8]; 4] = [&ones, &[0x55; 40], b"some more words", &[0; 30]];
    // A progressive scan has few codes, like some of which any bytes may read, but for ones.
    for (file, certain) in [(with_restarts(), 4), (progressive(), 1)] {
        let (right, ends) = (decode(&file).unwrap(), ends(&file));
        assert!(ends.len() > 3, "{ends:?}");
        for at in ends {
            for (index, junk) in junk.iter().enumerate() {
                let changed = insert(&file, at, junk);
                match decode(&changed) {
                    Ok(found) => assert!(found == right && remarks(&changed) == [WORDS], "{junk:?} at {at}"),
                    Err(error) => assert!(index >= certain, "{error} for {junk:?} at {at}"),
                }
            }
            // A few bytes the library has read ahead and leaves without a word.
            assert!(decode(&insert(&file, at, &[0])).unwrap() == right, "at {at}");
        }
        let behind = insert(&file, file.len() - 2, b"\x55\x55\xff\xd2\x55\xff\xd3");
        assert!(decode(&behind).unwrap() == right);
    }
}

#[test]
fn what_is_left_over_because_data_changed_is_refused() {
    for file in [with_restarts(), restarting(|_| ()), progressive()] {
        let right = decode(&file).unwrap();
        let scan = *segments(&file).last().unwrap();
        let (mut refused, mut wrong, mut surplus) = (0, 0, 0);
        for at in scan + 14..file.len() - 2 {
            for bit in [0, 3, 6] {
                let mut changed = file.clone();
                changed[at] ^= 1 << bit;
                match decode(&changed) {
                    Err(error) => {
                        surplus += u32::from(error.to_string().contains("left over"));
                        refused += 1;
                    }
                    Ok(found) => wrong += u32::from(found != right && !remarks(&changed).is_empty()),
                }
            }
        }
        assert!(surplus > 1000 && refused > surplus, "{refused} refused, {surplus} for what is left over");
        assert!(wrong * 20 < surplus, "{wrong} wrong pictures were taken for right, {surplus} were not");
        // Bytes put in before the data of an interval shift what follows.
        for at in ends(&file).into_iter().filter(|at| file[at + 1] != 0xD9) {
            assert!(decode(&insert(&file, at + 2, &[0x55; 40])).is_err(), "behind {at}");
        }
    }
}
