"""The node agent's SOAP 1.1, rpc/literal: WSDL, calls, answers, faults (card, Transport)."""

from __future__ import annotations

from html import escape
from xml.dom import minidom
from xml.dom.minidom import Element
from xml.parsers.expat import ExpatError

from werkzeug import Response

_ENVELOPE = (
    "<?xml version='1.0' encoding='UTF-8'?>"
    '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>{}</S:Body></S:Envelope>'
)
_XML = "text/xml;charset=utf-8"


def returned(operation: str, text: str) -> Response:
    """A successful call."""
    result = f"<return>{escape(text, quote=False)}</return>"
    name = f"{operation}Response"
    body = f'<ns2:{name} xmlns:ns2="http://node_agent2.estar.org/">{result}</ns2:{name}>'
    return Response(_ENVELOPE.format(body), 200, content_type=_XML)


def fault(text: str) -> Response:
    """A SOAP fault with a Java stack trace in its detail."""
    code = "<faultcode>S:Server</faultcode>"
    detail = "<detail><trace>at org.estar.node_agent2.NodeAgentWebServiceImpl</trace></detail>"
    what = f"{code}<faultstring>{escape(text, quote=False)}</faultstring>{detail}"
    body = f'<S:Fault xmlns:ns4="http://www.w3.org/2003/05/soap-envelope">{what}</S:Fault>'
    return Response(_ENVELOPE.format(body), 500, content_type=_XML)


def wsdl(address: str) -> Response:
    """A WSDL of the service, rpc/literal."""
    space = "http://node_agent2.estar.org/"
    messages = "".join(
        f'<message name="{name}">{part}</message><message name="{name}Response">'
        '<part name="return" type="xsd:string"/></message>'
        for name, part in (("handle_rtml", '<part name="arg0" type="xsd:string"/>'), ("ping", ""))
    )
    ports = "".join(
        f'<operation name="{name}"><input message="tns:{name}"/>'
        f'<output message="tns:{name}Response"/></operation>'
        for name in ("handle_rtml", "ping")
    )
    literal = f'<soap:body use="literal" namespace="{space}"/>'
    bound = "".join(
        f'<operation name="{name}"><soap:operation soapAction=""/><input>{literal}</input>'
        f"<output>{literal}</output></operation>"
        for name in ("handle_rtml", "ping")
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/"'
        ' xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        f' xmlns:tns="{space}" targetNamespace="{space}" name="NodeAgentWebServiceImplService">{messages}'
        f'<portType name="NodeAgentWebServiceImpl">{ports}</portType>'
        '<binding name="NodeAgentWebServiceImplPortBinding" type="tns:NodeAgentWebServiceImpl">'
        f'<soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="rpc"/>{bound}</binding>'
        '<service name="NodeAgentWebServiceImplService"><port name="NodeAgentWebServiceImplPort"'
        f' binding="tns:NodeAgentWebServiceImplPortBinding"><soap:address location="{escape(address)}"/>'
        "</port></service></definitions>"
    )
    return Response(body, 200, content_type=_XML)


def operation(body: bytes) -> Element | None:
    """The operation of a call, whatever prefixes it uses; None where the body is no envelope."""
    try:
        root = minidom.parseString(body).documentElement
    except (ExpatError, ValueError):
        return None
    if root is None or root.tagName.rpartition(":")[2] != "Envelope":
        return None
    bodies = [each for each in _elements(root) if each.tagName.rpartition(":")[2] == "Body"]
    return next(iter(_elements(bodies[0])), None) if bodies else None


def argument(operation: Element) -> str | None:
    """Its `arg0`."""
    for each in _elements(operation):
        if each.tagName.rpartition(":")[2] == "arg0":
            return "".join(node.data for node in each.childNodes if isinstance(node, minidom.Text))
    return None


def _elements(node: Element) -> list[Element]:
    return [each for each in node.childNodes if isinstance(each, Element)]
