import sys; sys.path.insert(0,"/work/wt/thin/benchmarks")
import time, statistics, math, threading, numpy as np, faiss
faiss.omp_set_num_threads(1)
from ann_overhead import _pass
from lookalike.index import load_index
from lookalike.index.generated_vectors import generated_probes
import glob, os
from lookalike.index.core.hits import Hits
path=[p for p in glob.glob("/tmp/ann.cache/**/index.toml", recursive=True) if "hnsw" in p][0]
ix=load_index(os.path.dirname(path)); e=ix.engine
print(path, len(ix), ix.metric)
q=generated_probes(np.arange(1000)+200000, 128, sample=5).astype(np.float32) if True else None
ix.configure(ef_search=60)
e.hnsw.efSearch=60
raw=lambda r:e.search(r[None],10)
ours=lambda r:ix.search(r[None],10)
from lookalike.index.graphs import small_world_graph as g
p=g._parameters(60)
rawp=lambda r:e.search(r[None],10,params=p)
row=np.empty((1,128),np.float32); rp=faiss.swig_ptr(row)
D=np.empty((1,10),np.float32); I=np.empty((1,10),np.int64); dp=faiss.swig_ptr(D); ip=faiss.swig_ptr(I)
c=e.search_c
def direct(r):
    x=r[None]
    v=x[0]; s=float(v.dot(v))
    np.multiply(x,1/math.sqrt(s),out=row)
    c(1,rp,10,dp,ip,p)
    return Hits(I.copy(), D*0.5, None)
lock=threading.Lock()
def direct_lock(r):
    with lock:
        return direct(r)
def rep(name,a,b,n=5):
    rs=[_pass(a,b,q) for _ in range(n+1)][1:]
    print(name, "overhead", round(statistics.median(x/y for x,y in rs)-1,4), "us", round(1e6*statistics.median(x-y for x,y in rs),1), "of", round(1e6*statistics.median(y for x,y in rs),1))

qn=q/np.linalg.norm(q,axis=1,keepdims=True); q=np.ascontiguousarray(qn)
ptr=faiss.swig_ptr; norm=faiss.fvec_norm_L2sqr
pool=[]
def row10():
    if not pool:
        d_=np.empty((64,1,10),np.float32); i_=np.empty((64,1,10),np.int64)
        pool.extend((d,i,ptr(d),ptr(i)) for d,i in zip(d_,i_))
    return pool.pop()
def A(x):
    at=ptr(x); s=norm(at,128)
    d,i,dp,ip=row10()
    c(1,at,10,dp,ip,p)
    return d,i
half=np.float32(.5)
def B(x):
    d,i=A(x)
    np.multiply(d,half,out=d)
    return d,i
def Cc(x):
    with lock:
        return B(x)
def Dd(x):
    d,i=Cc(x)
    return Hits(i,d,None)
def E_(x):
    at=ptr(x); s=norm(at,128)
    d,i,dp,ip=row10()
    c(1,at,10,dp,ip,p)
    if d[0,-1]>4: print("x")
    return d,i
def F_(x):
    at=ptr(x)
    d,i,dp,ip=row10()
    c(1,at,10,dp,ip,p)
    return d,i
for n,f in (("F ptr+search",F_),("A +norm",A),("B +half",B),("C +lock",Cc),("D +Hits",Dd),("E A+check",E_),("ours",lambda x: ix.search(x,10))):
    rep(n,(lambda f: (lambda r: f(r[None])))(f),raw,n=7)
