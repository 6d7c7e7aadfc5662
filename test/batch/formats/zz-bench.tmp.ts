import { readJsonLines } from '/work/main/shared/batch/formats/read-json-lines.ts'
import { readCsv } from '/work/main/shared/batch/formats/read-csv.ts'
import { splitRecords } from '/work/main/shared/batch/formats/split-records.ts'
const make = (line: (i:number)=>string, bytes: number) => { const parts: string[]=[]; let n=0; for (let i=0;n<bytes;i++){const l=line(i);n+=l.length;parts.push(l)} return Buffer.from(parts.join('')) }
const reader = (data: Buffer, block=65536) => async function*(_: unknown, range: {start:number;end:number}={start:0,end:data.length}) { for (let at=range.start; at<range.end; at+=block) yield data.subarray(at, Math.min(at+block, range.end)) }
const json = make((i)=>`{"custom_id":"row-${i}","text":"Congratulations, you have won a prize of ${i} dollars, call now","n":${i%97}}\n`, 100e6)
const jsonu = make((i)=>`{"custom_id":"row-${i}","text":"Glückwunsch, you have won a prize of ${i} €, call now, ${i}","n":${i%97}}\n`, 100e6)
const csv = make((i)=>`${i},Congratulations you have won ${i} dollars,${i%97}.5,0.001,abc\n`, 100e6)
const csvq = make((i)=>`${i},"Congratulations, you have ""won"" ${i} dollars",${i%97}.5,0.001,"abc"\n`, 100e6)
const obj = (data: Buffer) => ({ key:'a', version:'1', sizeBytes:data.length, modifiedAt:0 })
async function time(name: string, data: Buffer, run: (d: Buffer)=>AsyncIterable<{records: readonly unknown[]}>) {
  let best=0, n=0
  for (let k=0;k<3;k++){ const t=cpu(); n=0; for await (const b of run(data)) n+=b.records.length; best=Math.max(best, data.length/1e3/(cpu()-t)) }
  console.log(name.padEnd(30), best.toFixed(0)+' MB/s', n, 'records')
}
const raw = (quotes: boolean)=>(d: Buffer)=>splitRecords(reader(d) as never, obj(d), {start:0,end:d.length}, {quotes, parse:(t)=>({value:t})})
const columns=['a','b','c','d','e']
const csvRun=(textOnly:boolean)=>(d: Buffer)=>readCsv({format:'csv',object:obj(d),separator:',',columns,dataStart:0},{start:0,end:d.length},reader(d) as never,{textOnly})
await time('jsonl split to text', json, raw(false))
await time('jsonl split to text, non-ascii', jsonu, raw(false))
await time('jsonl with JSON.parse', json, (d)=>readJsonLines({object:obj(d)},{start:0,end:d.length},reader(d) as never))
{ const t=cpu(); for (const l of json.toString().split('\n')) if (l) JSON.parse(l); console.log('bare split+JSON.parse', (json.length/1e3/(cpu()-t)).toFixed(0)) }
await time('csv split to text', csv, raw(true))
await time('csv quoted split to text', csvq, raw(true))
await time('csv rows', csv, csvRun(false))
await time('csv rows textOnly', csv, csvRun(true))
await time('csv quoted rows', csvq, csvRun(false))
function cpu(){ const {user,system}=process.cpuUsage(); return (user+system)/1000 }
