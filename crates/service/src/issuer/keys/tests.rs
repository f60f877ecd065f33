//! The published keys and tokens of RFC 7515, appendix A, and sets that hold what we do not use.

use serde_json::json;

use super::*;

const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const RSA: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const EC_SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn rsa() -> Value {
    json!({"kty": "RSA", "n": RSA, "e": "AQAB"})
}

fn ec() -> Value {
    let (x, y) = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
}

fn only_key(jwk: &Value) -> Key {
    let mut keys = read(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
    assert_eq!(keys.len(), 1);
    keys.remove(0)
}

#[test]
fn the_tokens_of_rfc_7515_verify_with_their_keys_and_with_no_other() {
    let rs256 = format!("{}.{CLAIMS}.{RSA_SIGNATURE}", BASE64.encode(r#"{"alg":"RS256"}"#));
    let es256 = format!("{}.{CLAIMS}.{EC_SIGNATURE}", BASE64.encode(r#"{"alg":"ES256"}"#));
    assert_eq!(verify(&rs256, &only_key(&rsa())).unwrap()["iss"], "joe");
    assert_eq!(verify(&es256, &only_key(&ec())).unwrap()["iss"], "joe");
    assert_eq!(verify(&es256, &only_key(&rsa())), Err(IssuerError::Signature));
    assert_eq!(verify(&rs256, &only_key(&ec())), Err(IssuerError::Signature));
    let changed = es256.replace(&CLAIMS[..8], "eyJpc3Nz");
    assert_eq!(verify(&changed, &only_key(&ec())), Err(IssuerError::Signature));
}

#[test]
fn a_set_gives_the_keys_that_sign_and_no_others() {
    let with = |mut jwk: Value, name: &str, value: &str| {
        jwk[name] = json!(value);
        jwk
    };
    let unused = [
        json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}),
        with(rsa(), "use", "enc"),
        with(rsa(), "alg", "PS256"),
        with(rsa(), "n", "AQAB"),
        with(ec(), "crv", "P-384"),
        with(ec(), "x", "AQAB"),
        json!({"kty": "OKP", "crv": "X25519", "x": BASE64.encode([1; 32])}),
        json!({"kty": 7}),
        json!("key"),
    ];
    for jwk in unused {
        assert!(read(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap().is_empty(), "{jwk}");
    }
    assert_eq!(only_key(&with(with(ec(), "use", "sig"), "alg", "ES256")).algorithm, SignatureAlgorithm::Es256);
    for no_set in ["", "[]", "{}", r#"{"keys": 1}"#] {
        assert!(read(no_set.as_bytes()).is_none(), "{no_set}");
    }
}

#[test]
fn a_token_that_names_no_key_means_the_only_one_of_its_kind() {
    let find = |keys: Vec<Key>| {
        let now = Timestamp::from_seconds(10);
        let kept = Kept { keys, fetched: Some(now), ..Kept::default() };
        kept.find(None, SignatureAlgorithm::Es256, now, LIFE).is_some()
    };
    assert!(find(vec![only_key(&rsa()), only_key(&ec())]));
    assert!(!find(vec![only_key(&ec()), only_key(&ec())]));
    assert!(!find(vec![only_key(&rsa())]));
}
