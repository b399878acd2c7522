#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trawl_fuzz_bodies::bundle(bytes));
