/** The look of the page, light or dark as the reader's system is. Text has a contrast of 4.5 or more to what is behind it. */

export const style = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#d0d7de;--panel:#f6f8fa;--link:#0550ae;
--direct:#1a7f5a;--facade:#0b69a3;--left:#8a6100;--suspect:#b42318;--del:#ffebe9;--add:#dafbe1;--del-w:#ffb8b0;--add-w:#93e6a9}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--soft:#9aa5b1;--line:#30363d;--panel:#161b22;--link:#79b8ff;
--direct:#3fb984;--facade:#58a6ff;--left:#d9a520;--suspect:#ff7b72;--del:#3c1618;--add:#12321f;--del-w:#7a2a2a;--add-w:#1f6b3a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
header,main{max-width:1280px;margin:0 auto;padding:0 24px}
header{padding-top:24px}header p{color:var(--soft);overflow-wrap:anywhere}
h1{font-size:26px;line-height:1.25;margin:0;overflow-wrap:anywhere}h2{font-size:19px;margin:36px 0 8px}
a{color:var(--link)}
.skip{position:absolute;left:-9999px}.skip:focus{left:8px;top:8px;background:var(--bg);padding:8px;z-index:1}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px}
.card{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:12px 16px}
.card b{display:block;font-size:28px;line-height:1.2}.card span{color:var(--soft)}
.bar{height:8px;border-radius:4px;background:var(--line);overflow:hidden;margin-top:8px}.bar i{display:block;height:100%;background:var(--direct)}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;padding:0;margin:8px 0;list-style:none}
.cell{display:inline-block;width:12px;height:12px;border-radius:2px;vertical-align:-1px;margin:1px}
.direct{background:var(--direct)}.facade{background:linear-gradient(90deg,var(--direct) 50%,var(--left) 50%)}
.left{background:var(--bg);border:2px solid var(--left)}.suspect{background:var(--bg);border:2px dashed var(--suspect)}
.module{display:grid;grid-template-columns:minmax(120px,1fr) minmax(0,2fr) 87px minmax(0,2fr) 60px;align-items:stretch;gap:0 4px;width:100%;
border:0;background:none;color:inherit;font:inherit;text-align:left;padding:0 4px;cursor:pointer;border-radius:4px;min-height:26px}
.module>*{align-self:center}
.module:hover,.module[aria-pressed=true]{background:var(--panel)}
.module[aria-pressed=true]{box-shadow:inset 3px 0 var(--link)}
.module .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;direction:rtl;font-family:ui-monospace,monospace;font-size:13px}
.module .fibers{text-align:right;line-height:14px}.module .promises{line-height:14px}
.module .wall{align-self:stretch;display:flex;flex-wrap:wrap;justify-content:center;align-content:center;
background:linear-gradient(var(--fg),var(--fg)) center/3px 100% no-repeat}
.module .out{color:var(--soft);font-size:13px;white-space:nowrap;text-align:right}
.folder-name{margin:0;padding-top:14px;font-size:14px;font-weight:600}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:6px 10px;border-bottom:1px solid var(--line)}
th{font-weight:600;background:var(--panel)}td code,.path{font-family:ui-monospace,monospace;font-size:13px;overflow-wrap:anywhere}
.num{text-align:right;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
.badge{white-space:nowrap;font-weight:600}.badge::before{content:"";display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}
.badge.rewrite{color:var(--direct)}.badge.rewrite::before{background:var(--direct)}
.badge.facade-text{color:var(--facade)}.badge.facade-text::before{background:var(--facade)}
.badge.bridge,.badge.leave{color:var(--left)}.badge.bridge::before{background:var(--left)}.badge.leave::before{border:2px solid var(--left)}
.badge.suspect-text{color:var(--suspect)}.badge.suspect-text::before{border:2px dashed var(--suspect)}
.why{margin:0 0 4px}.why abbr{font-family:ui-monospace,monospace;font-size:13px;text-decoration:underline dotted}
form{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:end;background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:12px 16px}
label{display:grid;gap:2px;font-size:13px;color:var(--soft)}
input,select,button{font:inherit;color:var(--fg);background:var(--bg);border:1px solid var(--soft);border-radius:6px;padding:5px 8px;min-height:34px}
button{cursor:pointer}#more{margin-top:12px}
details{border:1px solid var(--line);border-radius:8px;margin:8px 0}summary{cursor:pointer;padding:8px 12px;background:var(--panel);border-radius:8px}
.diff{width:100%;table-layout:fixed;font:13px/1.45 ui-monospace,monospace}
.diff td,.diff th{padding:0 8px;border:0;white-space:pre-wrap;overflow-wrap:anywhere}.diff .no{width:52px;text-align:right;color:var(--soft);user-select:none}
.diff .gap td{background:var(--panel);color:var(--soft);height:20px}
.diff .del{background:var(--del)}.diff .add{background:var(--add)}.diff del,.diff ins{text-decoration:none;border-radius:2px}
.diff del{background:var(--del-w)}.diff ins{background:var(--add-w)}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:720px){header,main{padding:0 12px}.module{grid-template-columns:1fr 1fr 45px 1fr}.module .out{display:none}}
@media print{form,#more,.skip{display:none}}
`;
