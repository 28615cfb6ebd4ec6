//! The made-up records: three patients who do not exist, in the formats that hospitals exchange.
//!
//! Health insurance numbers follow the Quebec pattern (three letters of the name, one of the given name, year, month,
//! day, two digits), with month 99: no real one has that.

use bytes::Bytes;
use serde_json::{Value, json};

use super::dicom;

/// One object to store.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its key.
    pub name: String,
    /// Its content type.
    pub content_type: &'static str,
    /// Its bytes.
    pub content: Bytes,
}

struct Patient {
    family: &'static str,
    given: &'static str,
    number: &'static str,
    born: &'static str,
    gender: &'static str,
}

const ELISE: Patient =
    Patient { family: "Tremblay", given: "Élise", number: "TREE84990101", born: "1984-05-17", gender: "female" };
const FRANCOIS: Patient =
    Patient { family: "Gagnon-Côté", given: "François", number: "GAGF61990202", born: "1961-11-02", gender: "male" };
const NOEMIE: Patient =
    Patient { family: "Bérubé", given: "Noémie", number: "BERN07990303", born: "2007-01-29", gender: "female" };
const PATIENTS: [&Patient; 3] = [&ELISE, &FRANCOIS, &NOEMIE];

impl Patient {
    fn folder(&self) -> String {
        format!("{}_{}_{}", self.family, self.given, self.number)
    }

    fn resource(&self) -> Value {
        json!({
            "resourceType": "Patient",
            "id": self.number.to_lowercase(),
            "identifier": [{
                "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "JHN" }] },
                "system": "urn:example:ramq:fictif", "value": self.number,
            }],
            "name": [{ "use": "official", "family": self.family, "given": [self.given] }],
            "gender": self.gender,
            "birthDate": self.born,
            "address": [{ "line": ["123, rue de l'Écluse"], "city": "Trois-Rivières", "state": "QC", "country": "CA" }],
            "communication": [{ "language": { "coding": [{ "system": "urn:ietf:bcp:47", "code": "fr-CA" }] } }],
        })
    }

    fn reference(&self) -> Value {
        json!({
            "reference": format!("Patient/{}", self.number.to_lowercase()),
            "display": format!("{}, {}", self.family, self.given),
        })
    }

    /// Words that must not be readable anywhere at the provider.
    fn words(&self) -> [&'static str; 3] {
        [self.family, self.given, self.number]
    }
}

/// All records.
pub fn records() -> Vec<Record> {
    let fhir = |name: String, resource: &Value| Record {
        name: format!("fhir/{name}.json"),
        content_type: "application/fhir+json",
        content: Bytes::from(format!("{resource:#}\n")),
    };
    let glucose = observation(&ELISE, "2339-0", "Glucose [Mass/volume] in Blood", 5.4, "mmol/L");
    let report = json!({
        "resourceType": "DiagnosticReport",
        "id": "rapport-0001",
        "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "58410-2", "display": "CBC panel" }] },
        "subject": FRANCOIS.reference(),
        "effectiveDateTime": "2026-03-14T09:30:00-04:00",
        "conclusion": "Hémogramme dans les limites de la normale. Contrôle suggéré dans six mois.",
    });
    vec![
        fhir(format!("Patient/{}", ELISE.folder()), &ELISE.resource()),
        fhir(format!("Observation/{}/glycemie", ELISE.folder()), &glucose),
        fhir(format!("DiagnosticReport/{}/hemogramme", FRANCOIS.folder()), &report),
        fhir("Bundle/admissions-2026-03-14".to_owned(), &bundle()),
        Record {
            name: format!("hl7/ORU_R01/{}.hl7", FRANCOIS.folder()),
            content_type: "x-application/hl7-v2+er7",
            content: Bytes::from(oru(&FRANCOIS)),
        },
        Record {
            name: format!("imagerie/{}/CR-2026-03-14.dcm", NOEMIE.folder()),
            content_type: "application/dicom",
            content: Bytes::from(dicom::image(&dicom::Subject {
                name: format!("{}^{}", NOEMIE.family, NOEMIE.given),
                id: NOEMIE.number.to_owned(),
                born: NOEMIE.born.replace('-', ""),
                sex: "F",
            })),
        },
    ]
}

/// The words to look for at the provider.
pub(super) fn words() -> Vec<&'static str> {
    PATIENTS.iter().flat_map(|patient| patient.words()).collect()
}

fn observation(patient: &Patient, code: &str, display: &str, value: f64, unit: &str) -> Value {
    json!({
        "resourceType": "Observation",
        "id": format!("obs-{}", patient.number.to_lowercase()),
        "status": "final",
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory",
        }] }],
        "code": { "coding": [{ "system": "http://loinc.org", "code": code, "display": display }] },
        "subject": patient.reference(),
        "effectiveDateTime": "2026-03-14T07:45:00-04:00",
        "valueQuantity": { "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit },
    })
}

fn bundle() -> Value {
    let entries: Vec<Value> = PATIENTS
        .iter()
        .enumerate()
        .map(|(index, patient)| {
            json!({ "fullUrl": format!("urn:uuid:00000000-0000-4000-8000-{index:012}"), "resource": patient.resource() })
        })
        .collect();
    json!({ "resourceType": "Bundle", "type": "collection", "timestamp": "2026-03-14T23:59:00-04:00", "entry": entries })
}

/// An HL7 v2.5 ORU^R01: observation result. Segments end with a carriage return (HL7 v2.5 §2.5.2).
fn oru(patient: &Patient) -> String {
    let born = patient.born.replace('-', "");
    let (family, given, number) = (patient.family, patient.given, patient.number);
    let sex = if patient.gender == "female" { "F" } else { "M" };
    [
        "MSH|^~\\&|LABO|CIUSSS-FICTIF|DSQ|QC|20260314094500-0400||ORU^R01^ORU_R01|MSG00001|P|2.5|||||CAN|UNICODE UTF-8"
            .to_owned(),
        format!("PID|1||{number}^^^RAMQ^JHN||{family}^{given}||{born}|{sex}|||123 rue de l'Écluse^^Trois-Rivières^QC"),
        "OBR|1|ORD0001|LAB0001|58410-2^Hémogramme^LN|||20260314080000-0400".to_owned(),
        "OBX|1|NM|718-7^Hémoglobine^LN||142|g/L|135-175|N|||F".to_owned(),
        "OBX|2|NM|6690-2^Leucocytes^LN||6.8|10*9/L|4.0-11.0|N|||F".to_owned(),
        "OBX|3|NM|777-3^Plaquettes^LN||231|10*9/L|150-400|N|||F".to_owned(),
        String::new(),
    ]
    .join("\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patient_is_in_the_records_to_be_looked_for() {
        let all: Vec<Record> = records();
        for word in words() {
            let inside = all.iter().any(|r| r.content.windows(word.len()).any(|bytes| bytes == word.as_bytes()));
            assert!(inside, "{word} is in no record");
            assert!(all.iter().any(|record| record.name.contains(word)), "{word} is in no name");
        }
        assert!(all.iter().any(|record| record.content.len() > 2_000_000));
    }
}
