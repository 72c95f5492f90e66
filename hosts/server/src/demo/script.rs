//! Who is in the demo: invented people, one for every state that a reviewer meets.

/// What becomes of a person's proof of identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// Asked, nothing sent yet.
    Asked,
    /// Sent; waits for a verdict.
    Waiting,
    /// Approved at level 1.
    Approved,
    /// Approved at levels 1 and 2.
    ApprovedTwice,
    /// Refused: the picture is not clear.
    Rejected,
    /// Approved, and lapsed since.
    Expired,
    /// Approved, but the risk has become high.
    ReviewRequired,
    /// Shut out.
    Prohibited,
    /// Asked, then let off.
    Skipped,
    /// Known, nothing asked.
    Known,
}

/// An invented person.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    pub(super) customer_id: i64,
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) birth_date: &'static str,
    pub(super) country: &'static str,
    pub(super) country_name: &'static str,
    pub(super) address: &'static str,
    pub(super) story: Story,
}

const fn person(
    customer_id: i64,
    (first_name, last_name, birth_date): (&'static str, &'static str, &'static str),
    (country, country_name, address): (&'static str, &'static str, &'static str),
    story: Story,
) -> Person {
    Person {
        customer_id,
        first_name,
        last_name,
        birth_date,
        country,
        country_name,
        address,
        story,
    }
}

/// Everybody in the demo.
#[rustfmt::skip]
pub(super) const PEOPLE: &[Person] = &[
    person(1001, ("Alma", "Specimen", "1988-03-14"), ("MT", "Malta", "4 Sample Street, VLT 0001 Valletta"), Story::Waiting),
    person(1002, ("Boris", "Muster", "1979-11-02"), ("DE", "Germany", "Musterweg 7, 00001 Musterstadt"), Story::Approved),
    person(1003, ("Chloe", "Exemple", "1995-07-21"), ("FR", "France", "12 rue Exemple, 00000 Modeleville"), Story::Rejected),
    person(1004, ("Diego", "Muestra", "1984-01-30"), ("ES", "Spain", "Calle Muestra 3, 00000 Ejemplo"), Story::Expired),
    person(1005, ("Elif", "Ornek", "1991-09-09"), ("TR", "Turkey", "Ornek Cad. 5, 00000 Numune"), Story::ReviewRequired),
    person(1006, ("Farah", "Namuna", "1990-05-17"), ("AE", "Emirates", "Building 0, Sample District"), Story::Prohibited),
    person(1007, ("Goran", "Primjer", "1976-12-24"), ("HR", "Croatia", "Primjer ulica 1, 00000 Uzorak"), Story::Skipped),
    person(1008, ("Hanna", "Esimerkki", "2000-02-29"), ("FI", "Finland", "Mallikatu 2, 00000 Malli"), Story::Asked),
    person(1009, ("Ivo", "Voorbeeld", "1982-08-08"), ("NL", "Netherlands", "Voorbeeldlaan 9, 0000 AA Model"), Story::ApprovedTwice),
    person(1010, ("Julia", "Przyklad", "1997-04-04"), ("PL", "Poland", "ul. Przykladowa 6, 00-000 Wzor"), Story::Waiting),
    person(1011, ("Kofi", "Sample", "1986-06-06"), ("GH", "Ghana", "1 Sample Road, Model Town"), Story::Known),
];

/// The brand of the demo.
pub(super) const BRAND: &str = "demo";

/// What the demo's brand asks for.
pub(super) fn templates() -> [serde_json::Value; 4] {
    [
        serde_json::json!({
            "brand": BRAND, "code": "proof_id", "level": 1, "name": "Proof of identity", "step_type": 0, "sort_index": 1,
            "description": "A passport or an identity card, all four corners visible",
            "requirements": { "documents": ["passport", "id_card"], "valid_days": 730, "warn_days": 30 },
        }),
        serde_json::json!({
            "brand": BRAND, "code": "about_you", "level": 1, "name": "About you", "step_type": 1, "sort_index": 2,
            "form_schema": { "sections": [
                { "title": "Identity", "fields": [
                    { "name": "first_name", "label": "First name", "type": "text", "required": true, "max_length": 100 },
                    { "name": "last_name", "label": "Last name", "type": "text", "required": true, "max_length": 100 },
                    { "name": "birth_date", "label": "Date of birth", "type": "date", "required": true },
                    { "name": "country", "label": "Country of residence", "type": "country", "required": true },
                ] },
                { "title": "Exposure", "fields": [
                    { "name": "is_pep", "label": "Do you hold a prominent public office?", "type": "boolean", "required": true },
                    { "name": "pep_office", "label": "Which one?", "type": "text", "required": true,
                      "visible_if": { "field": "is_pep", "equals": true } },
                ] },
            ] },
        }),
        serde_json::json!({
            "brand": BRAND, "code": "proof_address", "level": 2, "name": "Proof of address and of life", "step_type": 2, "sort_index": 3,
            "requirements": { "all_documents": ["utility_bill", "selfie"] },
            "form_schema": { "sections": [{ "title": "Address", "fields": [
                { "name": "address", "label": "Address", "type": "textarea", "required": true },
                { "name": "since", "label": "Living there since", "type": "date" },
            ] }] },
        }),
        serde_json::json!({
            "brand": BRAND, "code": "source_of_funds", "level": 3, "name": "Source of funds", "step_type": 1, "sort_index": 4,
            "form_schema": { "sections": [{ "title": "Funds", "fields": [
                { "name": "employment_status", "type": "select", "required": true, "options": [
                    { "value": "employed", "label": "Employed" }, { "value": "self_employed", "label": "Self employed" },
                    { "value": "retired", "label": "Retired" },
                ] },
                { "name": "yearly_income", "label": "Yearly income [EUR]", "type": "number", "required": true, "min": 0 },
                { "name": "sources", "type": "multi_select", "required": true, "options": ["salary", "savings", "inheritance", "crypto"] },
            ] }] },
        }),
    ]
}
