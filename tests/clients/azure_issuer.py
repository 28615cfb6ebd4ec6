"""An issuer of bearer tokens, as a hospital's Keycloak would be one.

Usage: azure_issuer.py FOLDER makes its key (issuer.pem) and what it publishes (jwks.json) there.
"""

import datetime
import json
import os
import sys

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://login.hospital.example/realms/systems"
AUDIENCE = "https://storage.azure.com/"
APPLICATION = "imaging-service"
KEY_ID = "test-1"


def make(folder):
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with open(os.path.join(folder, "issuer.pem"), "wb") as file:
        file.write(pem)
    published = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    with open(os.path.join(folder, "jwks.json"), "w") as file:
        json.dump({"keys": [{**published, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}, file)


def token(pem, **claims):
    """A token that the issuer would give to the application, but for these claims."""
    now = datetime.datetime.now(datetime.timezone.utc)
    told = {"iss": ISSUER, "aud": AUDIENCE, "azp": APPLICATION, "sub": "9f1c", "oid": "9f1c2d3e-0000-4000-8000-000000000001",
            "tid": "9f1c2d3e-0000-4000-8000-000000000002", "iat": now, "nbf": now, "exp": now + datetime.timedelta(hours=1), **claims}
    return jwt.encode(told, pem, algorithm="RS256", headers={"kid": KEY_ID})


if __name__ == "__main__":
    make(sys.argv[1])
