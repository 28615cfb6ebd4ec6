//! A writer for one kind of DICOM file (PS3.10, Explicit VR Little Endian): a synthetic chest radiograph.

/// Who is on the image.
pub(super) struct Subject {
    /// `family^given` (PS3.5 §6.2, PN).
    pub(super) name: String,
    /// Patient id.
    pub(super) id: String,
    /// `YYYYMMDD`.
    pub(super) born: String,
    /// `F`, `M` or `O`.
    pub(super) sex: &'static str,
}

/// A Computed Radiography image of [`SIDE`] × [`SIDE`] pixels of 16 bits.
pub(super) fn image(subject: &Subject) -> Vec<u8> {
    let mut meta = Elements::default();
    meta.other_bytes(0x0002, 0x0001, &[0, 1]);
    meta.uid(0x0002, 0x0002, CR_IMAGE_STORAGE);
    meta.uid(0x0002, 0x0003, INSTANCE);
    meta.uid(0x0002, 0x0010, EXPLICIT_LITTLE_ENDIAN);
    meta.uid(0x0002, 0x0012, IMPLEMENTATION);
    meta.text(0x0002, 0x0013, "SH", "ECLUSE_DEMO");

    let mut data = Elements::default();
    data.text(0x0008, 0x0005, "CS", "ISO_IR 192"); // UTF-8
    data.text(0x0008, 0x0008, "CS", "DERIVED\\PRIMARY");
    data.uid(0x0008, 0x0016, CR_IMAGE_STORAGE);
    data.uid(0x0008, 0x0018, INSTANCE);
    data.text(0x0008, 0x0020, "DA", "20260314");
    data.text(0x0008, 0x0030, "TM", "101500");
    data.text(0x0008, 0x0050, "SH", "ACC0001");
    data.text(0x0008, 0x0060, "CS", "CR");
    data.text(0x0008, 0x0070, "LO", "Écluse demo");
    data.text(0x0008, 0x0080, "LO", "CIUSSS fictif");
    data.text(0x0008, 0x0090, "PN", "");
    data.text(0x0008, 0x1030, "LO", "Radiographie pulmonaire");
    data.text(0x0010, 0x0010, "PN", &subject.name);
    data.text(0x0010, 0x0020, "LO", &subject.id);
    data.text(0x0010, 0x0030, "DA", &subject.born);
    data.text(0x0010, 0x0040, "CS", subject.sex);
    data.text(0x0018, 0x0015, "CS", "CHEST");
    data.text(0x0018, 0x5101, "CS", "PA");
    data.uid(0x0020, 0x000d, STUDY);
    data.uid(0x0020, 0x000e, SERIES);
    data.text(0x0020, 0x0010, "SH", "1");
    data.text(0x0020, 0x0011, "IS", "1");
    data.text(0x0020, 0x0013, "IS", "1");
    data.text(0x0020, 0x0020, "CS", "L\\F");
    data.number(0x0028, 0x0002, 1);
    data.text(0x0028, 0x0004, "CS", "MONOCHROME2");
    data.number(0x0028, 0x0010, SIDE);
    data.number(0x0028, 0x0011, SIDE);
    data.number(0x0028, 0x0100, 16);
    data.number(0x0028, 0x0101, 12);
    data.number(0x0028, 0x0102, 11);
    data.number(0x0028, 0x0103, 0);
    data.text(0x0028, 0x1050, "DS", "2048");
    data.text(0x0028, 0x1051, "DS", "4096");
    data.long(0x7fe0, 0x0010, "OW", &pixels());

    // PS3.10 §7.1: 128 free bytes, a prefix, and the meta group, which begins with its own length.
    let mut file = vec![0; 128];
    file.extend_from_slice(b"DICM");
    let mut length = Elements::default();
    length.short(0x0002, 0x0000, "UL", &u32::try_from(meta.bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    file.extend_from_slice(&length.bytes);
    file.extend_from_slice(&meta.bytes);
    file.extend_from_slice(&data.bytes);
    file
}

/// Two lungs and some grain.
fn pixels() -> Vec<u8> {
    let side = f64::from(SIDE);
    let mut bytes = Vec::with_capacity(usize::from(SIDE) * usize::from(SIDE) * 2);
    let mut grain = 0x2545_f491_u32;
    for row in 0..SIDE {
        for column in 0..SIDE {
            let (x, y) = (f64::from(column) / side - 0.5, f64::from(row) / side - 0.5);
            let lung = |centre: f64| ((x - centre) / 0.16).powi(2) + (y / 0.34).powi(2) < 1.0;
            let body = (x / 0.45).powi(2) + (y / 0.49).powi(2) < 1.0;
            let level: u16 = match (body, lung(-0.2) || lung(0.2)) {
                (false, _) => 40,
                (true, true) => 900 + 300 * u16::from(row % 96 < 24),
                (true, false) => 2600,
            };
            // xorshift32: the grain must not compress, and must be the same in every run.
            grain ^= grain << 13;
            grain ^= grain >> 17;
            grain ^= grain << 5;
            let [low, ..] = grain.to_le_bytes();
            bytes.extend_from_slice(&(level + u16::from(low)).to_le_bytes());
        }
    }
    bytes
}

/// Data elements in Explicit VR Little Endian (PS3.5 §7.1.2), in the order in which they are added.
#[derive(Default)]
struct Elements {
    bytes: Vec<u8>,
}

impl Elements {
    /// Text, padded with a space to an even length.
    fn text(&mut self, group: u16, element: u16, vr: &str, text: &str) {
        let mut value = text.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(b' ');
        }
        self.short(group, element, vr, &value);
    }

    /// A UID, padded with a zero byte to an even length.
    fn uid(&mut self, group: u16, element: u16, uid: &str) {
        let mut value = uid.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(0);
        }
        self.short(group, element, "UI", &value);
    }

    fn number(&mut self, group: u16, element: u16, number: u16) {
        self.short(group, element, "US", &number.to_le_bytes());
    }

    fn other_bytes(&mut self, group: u16, element: u16, value: &[u8]) {
        self.long(group, element, "OB", value);
    }

    /// Representations with a length of 16 bits. All values here are far shorter.
    fn short(&mut self, group: u16, element: u16, vr: &str, value: &[u8]) {
        self.tag(group, element, vr);
        self.bytes.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        self.bytes.extend_from_slice(value);
    }

    /// Representations with two reserved bytes and a length of 32 bits.
    fn long(&mut self, group: u16, element: u16, vr: &str, value: &[u8]) {
        self.tag(group, element, vr);
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.bytes.extend_from_slice(value);
    }

    fn tag(&mut self, group: u16, element: u16, vr: &str) {
        self.bytes.extend_from_slice(&group.to_le_bytes());
        self.bytes.extend_from_slice(&element.to_le_bytes());
        self.bytes.extend_from_slice(vr.as_bytes());
    }
}

/// Pixels of a row, and rows.
const SIDE: u16 = 1536;
const CR_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.1";
const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
/// UIDs made of a UUID need no registration (PS3.5 §B.2).
const STUDY: &str = "2.25.53460393395257933974392359332663494850";
const SERIES: &str = "2.25.317536544108951868053143222751502754424";
const INSTANCE: &str = "2.25.195264636943168035222847980721276175349";
const IMPLEMENTATION: &str = "2.25.14387536151168367515273358629528016642";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_laid_out_as_part_10_says() {
        let subject =
            Subject { name: "Bérubé^Noémie".into(), id: "BERN07990303".into(), born: "20070129".into(), sex: "F" };
        let file = image(&subject);
        assert_eq!(&file[128..132], b"DICM");
        assert_eq!(&file[132..140], &[2, 0, 0, 0, b'U', b'L', 4, 0]);
        let meta = usize::try_from(u32::from_le_bytes(file[140..144].try_into().unwrap())).unwrap();
        // The data set begins where the meta group ends.
        assert_eq!(&file[144 + meta..144 + meta + 4], &[8, 0, 5, 0]);
        let pixels = usize::from(SIDE) * usize::from(SIDE) * 2;
        let header = file.len() - pixels - 12;
        assert_eq!(&file[header..header + 8], &[0xe0, 0x7f, 0x10, 0, b'O', b'W', 0, 0]);
        assert_eq!(file.len() % 2, 0);
    }
}
