/**
 * People who write to Robin, each in their own language: names, subjects and lines that a listing must show as they are, left to
 * right, right to left and mixed. All people are invented.
 */

/** Someone who writes, and what about. */
type Correspondent = readonly [name: string, address: string, subjects: readonly string[], lines: readonly string[]];

// prettier-ignore
export const CORRESPONDENTS: readonly Correspondent[] = [
  ["Maya Whitfield", "maya.whitfield@example.org",
    ["Dinner on Saturday?", "Photos from the lake", "Your bike is ready to pick up", "Can you look over this paragraph?"],
    ["Does seven still work for you?", "I put them in the shared folder.", "No hurry at all, next week is fine.", "Let me know & I'll book a table."]],
  ["Tom O’Brien-Vance", "tom.obrien@mail.example",
    ["Re-roofing quote", "Choir practice moved to Thursday", "Found your umbrella ☂️", "That recipe you asked for"],
    ["It's cheaper than I feared.", "Same place, half an hour later.", "It was behind the piano, of course.", "Two cloves, not two heads."]],
  ["Ana Sousa", "ana.sousa@estudio.example", ["Invoice for the poster", "Can we move our call to Friday?", "Segunda versão do cartaz"],
    ["The files are in the folder: https://estudio.example/poster", "Obrigada! Falamos amanhã.", "I used the exact words that you sent."]],
  ["Jürgen Weiß", "juergen.weiss@example.org",
    ["Schlüssel für die Ferienwohnung", "Grüße aus Köln", "Vereinssitzung verschoben", "Rückfrage zur Straßensperrung"],
    ["Der Schlüssel liegt bei Frau Müller.", "Viele Grüße und bis bald!", "Neuer Termin: Dienstag um halb acht.", "Weißt du, wie lange das noch dauert?"]],
  ["Zoé Lefèvre", "zoe.lefevre@courrier.example",
    ["Ça te dit, un café ?", "L’été à Besançon", "Compte-rendu de la réunion", "Où as-tu trouvé ces œufs ?"],
    ["À bientôt, je t’embrasse.", "On se retrouve devant la gare.", "Voilà le compte-rendu promis.", "N’oublie pas les clés, s’il te plaît."]],
  ["Íñigo Núñez", "inigo.nunez@correo.example", ["¿Quedamos mañana?", "El cumpleaños de la niña", "Presupuesto del año que viene"],
    ["¡Qué alegría saber de ti!", "Te espero a las ocho en punto.", "Luego te llamo y lo hablamos."]],
  ["Conceição Falcão", "conceicao.falcao@correio.example", ["Fotografias de São João", "A reunião de amanhã não é às três"],
    ["Até já, um abraço.", "Não te esqueças do pão."]],
  ["Łukasz Żółkiewski", "lukasz.zolkiewski@poczta.example", ["Zaproszenie na święta", "Gdzie są źródła?"],
    ["Do zobaczenia w piątek!", "Wszystko już załatwione."]],
  ["Işıl Çağlayan", "isil.caglayan@posta.example", ["İstanbul’a ne zaman geliyorsun?", "Toplantı yarına kaldı"],
    ["Görüşürüz, kendine iyi bak.", "Işıklar yine söndü."]],
  ["Nguyễn Thị Thảo", "thao.nguyen@thu.example", ["Chúc mừng năm mới!", "Lịch họp tuần tới đã thay đổi"],
    ["Hẹn gặp lại chị ở Đà Nẵng.", "Em gửi kèm tài liệu nhé."]],
  ["ليلى حدّاد", "layla.haddad@barid.example",
    ["دعوة إلى العشاء يوم الجمعة", "صور الرحلة إلى البتراء", "هل وصلتك الرسالة السابقة؟", "موعد الطبيب في ٣ مارس الساعة ١٠:٣٠"],
    ["مرحبا روبن، كيف حالك؟", "سأنتظرك أمام المحطة.", "أرسلت لك الملفات كما اتفقنا.", "مع أطيب التحيات"]],
  ["נועה בן־דוד", "noa.bendavid@doar.example", ["ארוחת ערב ביום שישי", "התמונות מהטיול לגליל", "תזכורת: פגישה ב־14:00", "שאלה קטנה לגבי החשבון"],
    ["שלום רובין, מה שלומך?", "אחכה לך ליד התחנה.", "שלחתי את הקבצים כמו שסיכמנו.", "להתראות בקרוב!"]],
  ["شیرین کاظمی", "shirin.kazemi@nameh.example", ["نوروزت مبارک!", "عکس‌های سفر به شیراز", "قرار فردا ساعت ۵ عصر", "می‌خواهم چیزی بپرسم"],
    ["سلام، حالت چطور است؟", "پرونده‌ها را همان‌طور که گفتیم فرستادم.", "به امید دیدار.", "لطفاً زودتر خبر بده."]],
  ["王小明", "wang.xiaoming@youjian.example", ["周末一起吃火锅吗?", "会议纪要(第三版)", "关于下周出差的安排", "生日快乐!🎂"], ["好久不见,最近怎么样?", "附件里是最新的版本。", "到了以后给我打电话。"]],
  ["佐藤 さくら", "sato.sakura@yubin.example", ["【重要】来週の打ち合わせについて", "お花見のお誘い🌸", "ご無沙汰しております", "髙橋さんからの伝言"],
    ["お世話になっております。", "添付の資料をご確認ください。", "よろしくお願いいたします。"]],
  ["김서연", "kim.seoyeon@pyeonji.example", ["주말에 시간 있어요?", "회의 자료 보내 드립니다"], ["안녕하세요, 로빈 씨!", "첨부 파일을 확인해 주세요.", "곧 만나요."]],
  ["प्रिया शर्मा", "priya.sharma@patra.example", ["दीपावली की हार्दिक शुभकामनाएँ", "कल की बैठक का समय बदल गया है", "यात्रा की तस्वीरें"],
    ["नमस्ते रॉबिन, आप कैसे हैं?", "फ़ाइलें साथ में भेज रही हूँ।", "जल्दी मिलते हैं।"]],
  ["கவிதா முருகன்", "kavitha.murugan@anjal.example", ["பொங்கல் வாழ்த்துகள்", "நாளைய கூட்டம் பற்றி"], ["வணக்கம் ராபின்!", "விரைவில் சந்திப்போம்."]],
  ["สมชาย ใจดี", "somchai.jaidee@jotmai.example", ["สุขสันต์วันสงกรานต์", "เลื่อนนัดประชุมเป็นวันพฤหัสบดี", "รูปจากทริปเชียงใหม่"],
    ["สวัสดีครับ สบายดีไหม", "ส่งเอกสารแนบมาให้แล้วนะครับ", "แล้วพบกันครับ"]],
  ["Ελένη Παπαδοπούλου", "eleni.papadopoulou@grammata.example", ["Καλό Πάσχα από τη Θεσσαλονίκη", "Σχετικά με το ταξίδι μας", "Πότε θα τα πούμε;"],
    ["Γεια σου, τι κάνεις;", "Σου στέλνω τα έγγραφα.", "Φιλιά σε όλους!"]],
  ["Мария Соколова", "maria.sokolova@pochta.example", ["Как дела? Давно не писала", "Билеты на ёлку", "Срочно: нужна твоя подпись"],
    ["Привет! Как ты поживаешь?", "Во вложении то, о чём договаривались.", "Обнимаю, до встречи."]],
  ["ნინო ბერიძე", "nino.beridze@tserili.example", ["ფოტოები თბილისიდან", "ხვალ შევხვდეთ?"], ["გამარჯობა, როგორ ხარ?", "მალე გნახავ."]],
  ["ሰላም ተስፋዬ", "selam.tesfaye@debdabe.example", ["እንኳን አደረሳችሁ"], ["ሰላም ሮቢን፣ እንዴት ነህ?"]],
];
