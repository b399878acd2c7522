//! Hashes as their definitions say, bit by bit: RFC 1321 and FIPS 180-4.

/// The message with a one bit, zeros and its length, in blocks of 64 bytes.
fn padded(text: &str, length_of: impl Fn(u64) -> [u8; 8]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let n_bits = 8 * bytes.len() as u64;
    bytes.push(0x80);
    while bytes.len() % 64 != 56 {
        bytes.push(0);
    }
    bytes.extend(length_of(n_bits));
    bytes
}

fn hex(words: impl IntoIterator<Item = [u8; 4]>) -> String {
    words.into_iter().flatten().map(|byte| format!("{byte:02x}")).collect()
}

pub fn md5(text: &str) -> String {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded(text, u64::to_le_bytes).chunks(64) {
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| block[4 * at + i]));
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (f, at) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), (7 * i) % 16),
            };
            let sine = (((i + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a.wrapping_add(f).wrapping_add(sine).wrapping_add(word(at));
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(SHIFTS[i / 16][i % 4]));
        }
        for (word, add) in state.iter_mut().zip([a, b, c, d]) {
            *word = word.wrapping_add(add);
        }
    }
    hex(state.map(u32::to_le_bytes))
}

pub fn sha1(text: &str) -> String {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded(text, u64::to_be_bytes).chunks(64) {
        let mut words: Vec<u32> =
            (0..16).map(|at| u32::from_be_bytes([0, 1, 2, 3].map(|i| block[4 * at + i]))).collect();
        for i in 16..80 {
            words.push((words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (i, word) in words.iter().enumerate() {
            let (f, k) = match i / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc_u32),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let sum = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
        }
        for (word, add) in state.iter_mut().zip([a, b, c, d, e]) {
            *word = word.wrapping_add(add);
        }
    }
    hex(state.map(u32::to_be_bytes))
}

/// The first `n` primes.
fn primes(n: usize) -> Vec<u32> {
    (2..).filter(|candidate| (2..*candidate).all(|divisor| candidate % divisor != 0)).take(n).collect()
}

/// The first 32 bits of the fraction of a root.
fn fraction(root: f64) -> u32 {
    (root.fract() * 4_294_967_296.0) as u32
}

pub fn sha256(text: &str) -> String {
    let constants: Vec<u32> = primes(64).into_iter().map(|prime| fraction(f64::from(prime).cbrt())).collect();
    let mut state: Vec<u32> = primes(8).into_iter().map(|prime| fraction(f64::from(prime).sqrt())).collect();
    for block in padded(text, u64::to_be_bytes).chunks(64) {
        let mut words: Vec<u32> =
            (0..16).map(|at| u32::from_be_bytes([0, 1, 2, 3].map(|i| block[4 * at + i]))).collect();
        for i in 16..64 {
            let (near, far) = (words[i - 2], words[i - 15]);
            let first = far.rotate_right(7) ^ far.rotate_right(18) ^ (far >> 3);
            let second = near.rotate_right(17) ^ near.rotate_right(19) ^ (near >> 10);
            words.push(words[i - 16].wrapping_add(first).wrapping_add(words[i - 7]).wrapping_add(second));
        }
        let mut s = state.clone();
        for (word, constant) in words.iter().zip(&constants) {
            let high = s[4].rotate_right(6) ^ s[4].rotate_right(11) ^ s[4].rotate_right(25);
            let choice = (s[4] & s[5]) ^ (!s[4] & s[6]);
            let one = s[7].wrapping_add(high).wrapping_add(choice).wrapping_add(*constant).wrapping_add(*word);
            let low = s[0].rotate_right(2) ^ s[0].rotate_right(13) ^ s[0].rotate_right(22);
            let two = low.wrapping_add((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            s.rotate_right(1);
            s[4] = s[4].wrapping_add(one);
            s[0] = one.wrapping_add(two);
        }
        for (word, add) in state.iter_mut().zip(s) {
            *word = word.wrapping_add(add);
        }
    }
    hex(state.into_iter().map(u32::to_be_bytes))
}

#[test]
fn known_hashes() {
    assert_eq!(md5("abc"), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
