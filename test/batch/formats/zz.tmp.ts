import { writeParquet } from '#shared/batch/formats/write-parquet.ts'
import { writeCsv } from '#shared/batch/formats/write-csv.ts'
import { readParquet } from '#shared/batch/formats/read-parquet.ts'
import { cutCsv } from '#shared/batch/formats/cut-csv.ts'
import { memoryObject } from './memory-object.ts'
function cpu(){ const {user,system}=process.cpuUsage(); return (user+system)/1000 }
const n = 300_000
async function* lines() { for (let record = 0; record < n; record++) yield { record, id: 'row-'+record, outputs: [{ label: record % 3 ? 'ham' : 'spam', score: record / n },{ label: record % 3 ? 'spam' : 'ham', score: 1-record / n }] } }
for (const [name, w] of [['parquet', writeParquet],['csv', writeCsv]] as const) {
  let t = cpu(), size = 0; const parts: Uint8Array[]=[]; let rss=0
  for await (const b of w(lines(), { kind: 'results' })) { size += b.length; if (name==='parquet') parts.push(b); rss=Math.max(rss, process.memoryUsage.rss()) }
  let ms = cpu() - t
  console.log(name, (n / ms * 1000).toFixed(0), 'rows/s', (size/1e6).toFixed(1), 'MB', (rss/1e6).toFixed(0), 'MB rss')
  if (name==='parquet') { const { object, read } = memoryObject(Buffer.concat(parts)); t=cpu(); let c=0; for await (const b of readParquet({object},{start:0,end:n},read)) c+=b.records.length; ms=cpu()-t; console.log('read parquet', c, (n/ms*1000).toFixed(0), 'rows/s') 
   t=cpu(); c=0; for await (const b of readParquet({object},{start:60_000,end:65_000},read)) c+=b.records.length; console.log('5000 rows of a 65536 group', (cpu()-t).toFixed(0),'ms') }
}
const q = Buffer.from('1,"Congratulations, you have ""won"" 5 dollars",0.5,"abc"\n'.repeat(2_000_000)); const { object, read } = memoryObject(q)
let t = cpu(); await cutCsv(read, object, { chunkBytes: 1_000_000 }); console.log('cutCsv quoted', (q.length/1e3/(cpu()-t)).toFixed(0), 'MB/s')
const p = Buffer.from('1,Congratulations you have won 5 dollars,0.5,abc\n'.repeat(2_000_000)); const o2 = memoryObject(p)
t = cpu(); await cutCsv(o2.read, o2.object, { chunkBytes: 1_000_000 }); console.log('cutCsv plain', (p.length/1e3/(cpu()-t)).toFixed(0), 'MB/s')
