import io, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote
import local.aws as la
from local.clock import Clock
from local.processes import announce
class H(BaseHTTPRequestHandler):
    protocol_version="HTTP/1.1"; disable_nagle_algorithm=True; wbufsize=-1
    def handle_one(self):
        body=self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path,_,query=self.path.partition("?")
        host,port=self.server.server_address[:2]
        env={"REQUEST_METHOD":self.command,"SCRIPT_NAME":"","PATH_INFO":unquote(path,"latin-1"),"QUERY_STRING":query,"REQUEST_URI":self.path,"RAW_URI":self.path,"SERVER_NAME":host,"SERVER_PORT":str(port),"SERVER_PROTOCOL":self.request_version,"REMOTE_ADDR":self.client_address[0],"wsgi.version":(1,0),"wsgi.url_scheme":"http","wsgi.input":io.BytesIO(body),"wsgi.errors":sys.stderr,"wsgi.multithread":True,"wsgi.multiprocess":False,"wsgi.run_once":False,"CONTENT_LENGTH":str(len(body)),"wsgi.input_terminated":True}
        for k,v in self.headers.items():
            n=k.upper().replace("-","_")
            env[n if n in ("CONTENT_TYPE","CONTENT_LENGTH") else "HTTP_"+n]=v
        told=[]
        out=b"".join(self.server.app(env,lambda s,h,e=None: told.extend([s,h])))
        code,_,msg=told[0].partition(" ")
        self.send_response_only(int(code),msg)
        for k,v in told[1]:
            if k.lower() not in ("content-length","connection"): self.send_header(k,v)
        self.send_header("Content-Length",str(len(out))); self.end_headers()
        if self.command!="HEAD": self.wfile.write(out)
        self.wfile.flush()
    do_GET=do_POST=do_PUT=do_DELETE=do_HEAD=do_PATCH=handle_one
    def log_message(self,*a): pass
clock=Clock(Path(sys.argv[2])); la.keep_time(clock); la.copy_streams_shallowly()
s=ThreadingHTTPServer(("127.0.0.1",int(sys.argv[1])),H); s.daemon_threads=True; s.app=la.EmbeddedAws(clock)
announce({"url":f"http://127.0.0.1:{s.server_port}"}); s.serve_forever()
