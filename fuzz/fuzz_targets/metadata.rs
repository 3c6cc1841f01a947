#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| edgepost_fuzz::targets::metadata(octets));
