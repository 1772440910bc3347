"""What came of a request, in the OpenAPI document: products, measurements, their plot."""

from __future__ import annotations

from local.openapi_examples import MOMENT, REQUEST_ID, TARGET
from local.openapi_operations import (
    CUTS,
    Json,
    at,
    media,
    operation,
    parameters,
    reference,
    returns_list,
)
from slew import light_curve

_PRODUCT: Json = {
    "name": "light_curve.csv",
    "kind": "light_curve",
    "url": "https://archive.example.org/light_curve.csv",
    "state": "fetched",
    "link": "https://bucket.example.org/products/light_curve.csv?X-Amz-Signature=...",
    "size": 20481,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "content_type": "text/csv",
    "fetched_at": MOMENT,
    "rows": 1,
    "error": None,
}
_ROW: Json = {
    "mjd": 60085.25,
    "filter": "ztfr",
    "flux": 1250.0,
    "flux_err": 12.5,
    "zp": 23.9,
    "magsys": "ab",
    "mag": 16.158,
    "mag_err": 0.011,
    "limiting_mag": 20.4,
    "snr": 100.0,
    "flags": [],
    "extra": {},
}
_PHOTOMETRY: Json = {
    "request_id": REQUEST_ID,
    "target": TARGET["name"],
    "units": light_curve.units([_ROW], {}),
    "left_out": 0,
    "unread": [],
    "rows": [_ROW],
}
_ABOUT = {"target": str(TARGET["name"]), "facility": "ztf_forced_photometry", "request_id": REQUEST_ID}
_FORMS: Json = {
    "application/json": {
        "schema": {"anyOf": [reference("Photometry"), reference("SkyPortalPhotometry")]},
        "examples": {
            "json": {"summary": "format=json", "value": _PHOTOMETRY},
            "skyportal": {
                "summary": "format=skyportal",
                "value": light_curve.as_skyportal([_ROW], str(TARGET["name"]), 7),
            },
        },
    },
    "text/csv": media({"type": "string"}, light_curve.as_csv([_ROW])),
    "text/plain": media({"type": "string"}, light_curve.as_ecsv([_ROW], _ABOUT, {})),
}

PATHS: Json = {
    "/requests/{id}/products": at(
        "Id",
        get=operation(
            "requests",
            "list_products",
            "What came of it: the facility's products, with links to Slew's copies",
            returns_list("The products", "products", reference("Product"), [_PRODUCT], paged=False),
            "401 403 404 500",
        ),
    ),
    "/requests/{id}/photometry": at(
        "Id",
        get=operation(
            "requests",
            "read_photometry",
            "The measurements in its products; nothing is left out that no parameter cuts",
            {
                "200": {
                    "description": "By time; `text/csv` for `format=csv`, `text/plain` for `format=ecsv`",
                    "headers": {
                        "Slew-Left-Out": {
                            "description": "Measurements that the cuts, or SkyPortal's form, leave out",
                            "schema": {"type": "integer"},
                        }
                    },
                    "content": _FORMS,
                }
            },
            "401 403 404 413 422 500",
            parameters=parameters("Format", "InstrumentId", *CUTS),
        ),
    ),
    "/requests/{id}/photometry.png": at(
        "Id",
        get=operation(
            "requests",
            "plot_photometry",
            "The light curve as a picture; for whoever may read the request, or has the link of its messages",
            {
                "200": {
                    "description": "900 by 540 pixels",
                    "content": {"image/png": media({"type": "string", "contentMediaType": "image/png"})},
                }
            },
            "401 403 404 413 422 500",
            parameters=parameters("Key", *CUTS),
            security=[{"bearerToken": []}, {}],
        ),
    ),
}
