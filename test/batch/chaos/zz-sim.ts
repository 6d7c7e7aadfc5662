import { simulateBatch } from '/work/main/test/batch/chaos/simulate-batch.ts'
const [from=1,to=200]=process.argv.slice(2).map(Number)
const t=performance.now(); let bad=0; const ends=new Map()
if(process.argv[4]){const trace:string[]=[]; const o=await simulateBatch(from,{trace}); console.log(trace.slice(-Number(process.argv[4])).join('\n')); console.log(o.violations)}
else {for(let s=from;s<=to;s++){const o=await simulateBatch(s); const k=o.job?.state??'none'; ends.set(k,(ends.get(k)??0)+1); if(o.violations.length){bad++; if(bad<12)console.log(s,o.violations.slice(0,2))}}
console.log(ends,bad,'bad',(performance.now()-t).toFixed(0),'ms')}
