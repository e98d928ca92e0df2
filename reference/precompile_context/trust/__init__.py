"""Whose bundles are loaded: the TRUST stage, between framing and the first decoded manifest.

Bytes in, values out: keys are PEM text here, not files.
"""

from precompile_context.trust.certificates import CertificateSigner, CertificateVerifier
from precompile_context.trust.dsse import Envelope
from precompile_context.trust.keys import Signer, SigningKey, Verifier, VerifyingKey
from precompile_context.trust.pem import signer_of, verifier_of
from precompile_context.trust.policy import NOBODY, UNSIGNED, TrustPolicy

__all__ = [
    "NOBODY",
    "UNSIGNED",
    "CertificateSigner",
    "CertificateVerifier",
    "Envelope",
    "Signer",
    "SigningKey",
    "TrustPolicy",
    "Verifier",
    "VerifyingKey",
    "signer_of",
    "verifier_of",
]
